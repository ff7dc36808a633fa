// The rules of all rooms for the images that a store loads (store::ImageRules).
#pragma once
#include "spg/store/segment.hpp"

namespace spg::txn {

/// Without state: one for all.
const store::ImageRules& image_rules();

}  // namespace spg::txn
