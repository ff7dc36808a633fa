// A second translation unit over the amalgamated header: linked with the example, it shows that nothing is defined twice.
#include <spg/spg.hpp>

std::size_t rows_of(const spg::Rows& rows) { return rows.size(); }
