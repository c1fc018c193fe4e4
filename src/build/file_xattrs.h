// Extended attributes of a file, as far as a copy of it gets them.
#ifndef CORACLE_BUILD_FILE_XATTRS_H_
#define CORACLE_BUILD_FILE_XATTRS_H_

#include <map>
#include <string>

namespace coracle::build {

// All but those that overlay or SELinux give meaning to. None where the file system has none, or where they
// can't be read.
std::map<std::string, std::string> ReadXattrs(int fd);

}  // namespace coracle::build

#endif  // CORACLE_BUILD_FILE_XATTRS_H_
