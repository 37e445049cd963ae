// What unit tests include, parsed once (Makefile: PCH).
#include <catch2/catch.hpp>

#include "std.h"
