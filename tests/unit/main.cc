// Catch2's own main, compiled once for all unit tests, on any host: whatever the shell that starts
// them is like, files can be reached and other programs speak English.
#define CATCH_CONFIG_RUNNER
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdlib>

int main(int argc, char** argv) {
  ::umask(022);
  ::setenv("LC_ALL", "C.UTF-8", 1);
  return Catch::Session().run(argc, argv);
}
