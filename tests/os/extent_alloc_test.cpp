// The extents: pieces never overlap, memory goes back, sparse extents are emptied by those who are told.
#include <catch2/catch.hpp>
#include <cstring>
#include <map>
#include <random>
#include <thread>
#include <vector>

#include "spg/os/posix/extent_alloc.hpp"

using namespace spg;
using spg::os::ExtentAlloc;

namespace {

struct Piece {
  unsigned char* at;
  std::size_t bytes;
  unsigned char mark;
};

Piece take(ExtentAlloc& alloc, std::size_t bytes, unsigned char mark) {
  auto* at = static_cast<unsigned char*>(alloc.allocate(bytes));
  REQUIRE(at != nullptr);
  REQUIRE(reinterpret_cast<std::uintptr_t>(at) % 16 == 0);
  std::memset(at, mark, bytes);
  return {at, bytes, mark};
}
bool is_whole(const Piece& piece) {
  for (std::size_t i = 0; i < piece.bytes; ++i)
    if (piece.at[i] != piece.mark) return false;
  return true;
}

}  // namespace

TEST_CASE("size classes are tight and ordered") {
  using Fine = os::SizeClasses<6, 11>;
  using Coarse = os::SizeClasses<2, 9>;
  for (std::size_t bytes = 1; bytes <= Fine::bytes_max; ++bytes) {
    const std::size_t fine = Fine::bytes_of(Fine::of(bytes)), coarse = Coarse::bytes_of(Coarse::of(bytes));
    const bool is_right = fine >= bytes && coarse >= bytes && (bytes == 1 || Fine::of(bytes) - Fine::of(bytes - 1) <= 1u) &&
                          fine - bytes <= std::max<std::size_t>(31, bytes / 64) && (bytes <= 512 || coarse - bytes <= bytes / 4);
    if (!is_right) FAIL("class of " << bytes);
  }
}

TEST_CASE("pieces of many sizes keep their bytes and all memory comes back") {
  ExtentAlloc alloc;
  std::mt19937 chance(20261127);
  std::vector<Piece> pieces;
  for (int step = 0; step < 60000; ++step) {
    const bool grows = step % 20000 < 10000;
    if (pieces.empty() || chance() % 8 < (grows ? 6u : 2u)) {
      const std::size_t bytes = chance() % 4 == 0 ? 1 + chance() % 90000 : 1 + chance() % 700;
      pieces.push_back(take(alloc, bytes, static_cast<unsigned char>(step)));
    } else {
      const std::size_t at = chance() % pieces.size();
      if (!is_whole(pieces[at])) FAIL("a piece has been overwritten");
      alloc.release(pieces[at].at, pieces[at].bytes);
      pieces[at] = pieces.back();
      pieces.pop_back();
    }
    REQUIRE(alloc.held_bytes() >= alloc.used_bytes());
  }
  std::size_t used = 0;
  for (const Piece& piece : pieces) used += piece.bytes;
  CHECK(alloc.used_bytes() >= used);
  for (const Piece& piece : pieces) {
    if (!is_whole(piece)) FAIL("a piece has been overwritten");
    alloc.release(piece.at, piece.bytes);
  }
  CHECK(alloc.used_bytes() == 0);
  CHECK(alloc.held_bytes() <= std::size_t{9} << 20);  // what is kept for the next ones
}

TEST_CASE("memory that one size has left serves another") {
  ExtentAlloc alloc;
  std::vector<Piece> pieces;
  for (std::size_t round = 0; round < 4; ++round) {
    const std::size_t bytes = 400 + round * 3000;
    for (std::size_t i = 0; i * bytes < std::size_t{64} << 20; ++i) pieces.push_back(take(alloc, bytes, 1));
    CHECK(alloc.held_bytes() < std::size_t{80} << 20);
    for (const Piece& piece : pieces) alloc.release(piece.at, piece.bytes);
    pieces.clear();
    CHECK(alloc.held_bytes() <= std::size_t{9} << 20);
  }
}

TEST_CASE("a class that is hardly used holds little") {
  ExtentAlloc alloc;
  std::vector<Piece> pieces;
  for (std::size_t bytes = 32; bytes <= 2048; bytes += 32) pieces.push_back(take(alloc, bytes, 1));
  CHECK(alloc.held_bytes() <= pieces.size() * 8192 + 2 * 4096);
  for (const Piece& piece : pieces) alloc.release(piece.at, piece.bytes);
}

TEST_CASE("sparse extents are marked, left alone by new pieces, and go with their last piece") {
  ExtentAlloc alloc;
  std::vector<Piece> all, kept;
  for (int i = 0; i < 8000; ++i) all.push_back(take(alloc, 8368, 7));
  // One in ten stays, all over.
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i % 10 == 0) kept.push_back(all[i]);
    else alloc.release(all[i].at, all[i].bytes);
  }
  const std::size_t held = alloc.held_bytes();
  CHECK(held > std::size_t{60} << 20);
  const std::size_t wanted = held / 2, marked = alloc.mark_sparse(wanted);
  CHECK(marked >= wanted);
  CHECK(marked < wanted + 512 * 1024);
  std::size_t in_sparse = 0;
  for (const Piece& piece : kept) in_sparse += alloc.is_sparse(piece.at, piece.bytes);
  CHECK(in_sparse > kept.size() / 3);
  std::vector<Piece> fresh;
  for (int i = 0; i < 100; ++i) {
    fresh.push_back(take(alloc, 8368, 8));
    CHECK_FALSE(alloc.is_sparse(fresh.back().at, fresh.back().bytes));
  }
  SECTION("their owner releases what lies in them") {
    std::vector<Piece> left;
    for (const Piece& piece : kept) {
      if (alloc.is_sparse(piece.at, piece.bytes)) alloc.release(piece.at, piece.bytes);
      else left.push_back(piece);
    }
    CHECK(alloc.held_bytes() <= held - marked + (std::size_t{8} << 20));
    kept = left;
  }
  SECTION("a mark ends with the next marking") {
    CHECK(alloc.mark_sparse(0) == 0);
    for (const Piece& piece : kept) CHECK_FALSE(alloc.is_sparse(piece.at, piece.bytes));
  }
  for (const Piece& piece : kept) { CHECK(is_whole(piece)); alloc.release(piece.at, piece.bytes); }
  for (const Piece& piece : fresh) { CHECK(is_whole(piece)); alloc.release(piece.at, piece.bytes); }
  CHECK(alloc.used_bytes() == 0);
  (void)alloc.mark_sparse(SIZE_MAX);
  CHECK(alloc.held_bytes() < 1024 * 1024);  // what the empty ones kept has gone, too
}

TEST_CASE("threads share the extents, beside one who marks") {
  ExtentAlloc alloc;
  std::vector<std::thread> threads;
  std::atomic<bool> failed{false}, stop{false};
  for (unsigned seed = 0; seed < 4; ++seed)
    threads.emplace_back([&, seed] {
      std::mt19937 chance(seed);
      std::vector<Piece> mine;
      for (int step = 0; step < 20000; ++step) {
        if (mine.size() < 200 && chance() % 2 == 0) {
          const std::size_t bytes = 1 + chance() % 20000;
          auto* at = static_cast<unsigned char*>(alloc.allocate(bytes));
          std::memset(at, static_cast<int>(seed + 1), bytes);
          mine.push_back({at, bytes, static_cast<unsigned char>(seed + 1)});
        } else if (!mine.empty()) {
          const std::size_t at = chance() % mine.size();
          if (!is_whole(mine[at])) failed = true;
          alloc.release(mine[at].at, mine[at].bytes);
          mine[at] = mine.back();
          mine.pop_back();
        }
      }
      for (const Piece& piece : mine) alloc.release(piece.at, piece.bytes);
    });
  std::thread marker([&] {
    for (std::size_t bytes = 0; !stop; bytes = bytes == 0 ? std::size_t{4} << 20 : 0) (void)alloc.mark_sparse(bytes);
  });
  for (std::thread& thread : threads) thread.join();
  stop = true;
  marker.join();
  CHECK_FALSE(failed);
  CHECK(alloc.used_bytes() == 0);
}
