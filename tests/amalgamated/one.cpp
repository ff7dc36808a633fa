// The translation unit that holds the bodies of a single-header build.
#define SPG_IMPLEMENTATION
#include <spg/spg.hpp>
