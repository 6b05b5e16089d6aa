// Feeds a wire text in pieces: parser bugs live at the seams.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <string_view>

namespace ravelin::test {

// Chunk sizes of every wire test: 1, 2, 3 and all.
inline size_t any_chunk() { return GENERATE(as<size_t>{}, 1, 2, 3, 1 << 20); }

// Calls |take| with piece after piece until it returns false.
template <class Take>
void in_chunks(std::string_view wire, size_t chunk, Take take) {
  for (size_t at = 0; at < wire.size(); at += chunk)
    if (!take(wire.substr(at, chunk))) return;
}

}  // namespace ravelin::test
