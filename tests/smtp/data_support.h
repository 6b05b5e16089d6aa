// Runs a DataReader over a whole text.
#pragma once

#include <string>
#include <string_view>

#include "smtp/chunks.h"
#include "smtp/data_reader.h"
#include "support/plain_text.h"

namespace ravelin::test {

inline ReadText read_text(std::string_view wire, size_t chunk,
                          const smtp::DataLimits& limits = {}) {
  using Status = smtp::DataReader::Status;
  ReadText result;
  smtp::DataReader reader(limits);
  size_t discard_at = 0;
  in_chunks(wire, chunk, [&](std::string_view piece) {
    if (result.status == Status::More) {
      const auto step = reader.feed(piece, result.text);
      result.status = step.status;
      result.consumed += step.consumed;
      discard_at = result.consumed;
      if (step.status == Status::More && step.consumed != piece.size()) FAIL("input left over");
      if (step.status != Status::Fault) return step.status == Status::More;
      piece.remove_prefix(step.consumed);
    }
    const auto step = reader.discard(piece);
    discard_at += step.consumed;
    if (step.status == Status::End) result.discarded = discard_at;
    return step.status != Status::End;
  });
  result.fault = reader.fault();
  result.size = reader.size();
  result.message_id = reader.message_id();
  result.received = reader.received_lines();
  return result;
}

}  // namespace ravelin::test
