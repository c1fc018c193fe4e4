#include "cli/main.h"

int main(int argc, char** argv) { return coracle::cli::Main(argc, argv); }
