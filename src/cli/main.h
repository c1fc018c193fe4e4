// The program.
#ifndef CORACLE_CLI_MAIN_H_
#define CORACLE_CLI_MAIN_H_

namespace coracle::cli {

// Parses the command line, runs the command, and returns the process's exit code: the command's, or 125 for
// an error of ours. Started under a name that ends in "-oci", it is `coracle oci`.
int Main(int argc, char** argv);

}  // namespace coracle::cli

#endif  // CORACLE_CLI_MAIN_H_
