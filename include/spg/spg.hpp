// SPG, the embedded library: all that a program includes. See db/database.hpp.
#pragma once
#include "spg/db/database.hpp"
