// Runs a fuzz target over files, so that its corpus is a test in builds without libFuzzer.
// Arguments: files, or directories whose files are run. No input at all is a failure.
#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

bool RunFile(const std::string& path) {
  FILE* file = fopen(path.c_str(), "rbe");
  if (file == nullptr) {
    perror(path.c_str());
    return false;
  }
  std::string data;
  char buffer[4096];
  size_t n = 0;
  while ((n = fread(buffer, 1, sizeof(buffer), file)) > 0) data.append(buffer, n);
  fclose(file);
  fprintf(stderr, "%s: %zu bytes\n", path.c_str(), data.size());  // the last line names the input of a crash
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(data.data()), data.size());
  return true;
}

std::vector<std::string> FilesOf(const std::string& path) {
  DIR* dir = opendir(path.c_str());
  if (dir == nullptr) return {path};
  std::vector<std::string> files;
  while (const dirent* entry = readdir(dir)) {
    if (entry->d_name[0] != '.') files.push_back(path + "/" + entry->d_name);
  }
  closedir(dir);
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  int count = 0;
  for (int i = 1; i < argc; ++i) {
    for (const std::string& file : FilesOf(argv[i])) {
      if (!RunFile(file)) return 1;
      ++count;
    }
  }
  fprintf(stderr, "%d inputs\n", count);
  return count > 0 ? 0 : 1;
}
