#include "smtp/data_reader.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <limits>

namespace ravelin::smtp {
namespace {

const char* find(const char* begin, const char* end, char wanted) {
  if (begin == end) return nullptr;
  return static_cast<const char*>(std::memchr(begin, wanted, static_cast<size_t>(end - begin)));
}

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<size_t>(end - begin)};
}

}  // namespace

// One call of feed(). Clean text is not copied line by line: |kept_| marks where the text begins
// that stands in the input just as it shall stand in the output.
class DataReader::Pass {
 public:
  Pass(DataReader& reader, std::string_view input, std::string& out)
      : reader_(reader),
        begin_(input.data()),
        next_(begin_),
        kept_(begin_),
        end_(begin_ + input.size()),
        out_(out) {}

  Step run() {
    while (status_ == Status::More && next_ != end_) step();
    keep_up_to(next_);
    return {status_, static_cast<size_t>(next_ - begin_)};
  }

 private:
  void step() {
    switch (reader_.at_) {
      case At::LineStart:
        return line_start();
      case At::Dot:
        return after_dot();
      case At::DotCr:
        return after_dot_cr();
      case At::InLine:
        return in_line();
      case At::Cr:
        return after_cr();
    }
  }

  void line_start() {
    if (*next_ != '.') return go(At::InLine);
    drop_octet();
    go(At::Dot);
  }

  // The dot is stuffing, and gone, unless nothing but a line end follows.       RFC 5321 §4.5.2
  void after_dot() {
    if (*next_ == '\r') {
      drop_octet();
      return go(At::DotCr);
    }
    if (*next_ != '\n') return go(At::InLine);
    drop_octet();
    if (!reader_.limits_.normalise) return fault(DataFault::BareLf);
    lone_dot(false);
  }

  // CRLF "." CRLF is the end; with a bare LF before the dot it is a line like any other.
  void after_dot_cr() {
    if (*next_ != '\n') return fault(DataFault::BareCr);
    drop_octet();
    if (!reader_.after_crlf_) return lone_dot(true);
    status_ = Status::End;
  }

  void in_line() {
    const char* const lf = find(next_, end_, '\n');
    const char* const stop = lf ? lf : end_;
    const char* const cr = find(next_, stop, '\r');
    if (!take(between(next_, cr ? cr : stop))) return;
    next_ = cr ? cr : stop;
    if (next_ == end_) return;
    if (!cr) return bare_lf();
    if (cr + 1 == lf) {
      next_ = lf + 1;
      return end_line(true);
    }
    drop_octet();
    go(At::Cr);  // bare, or the LF comes with the next input
  }

  void after_cr() {
    if (*next_ != '\n') return fault(DataFault::BareCr);
    drop_octet();
    out_ += "\r\n";
    end_line(true);
  }

  void bare_lf() {
    drop_octet();
    if (!reader_.limits_.normalise) return fault(DataFault::BareLf);
    out_ += "\r\n";
    end_line(false);
  }

  // In normalise mode only: a line "." that is not the end, because a bare LF is on one side.
  void lone_dot(bool crlf) {
    if (!take(".")) return;
    out_ += ".\r\n";
    end_line(crlf);
  }

  // Counts a piece of a line. What is found does not depend on how the input was cut: the first
  // octet too many decides.
  bool take(std::string_view piece) {
    DataFault found = DataFault::None;
    size_t fits = piece.size();
    if (fits > reader_.limits_.line - reader_.line_) {
      fits = reader_.limits_.line - reader_.line_;
      found = DataFault::LineTooLong;
    }
    if (fits > room()) {
      fits = static_cast<size_t>(room());
      found = DataFault::TooBig;
    }
    reader_.line_ += fits;
    reader_.size_ += fits;
    if (!reader_.header_.done()) {
      reader_.header_.text(piece.substr(0, fits));
      if (reader_.header_.received() > reader_.limits_.received) found = DataFault::TooManyHops;
    }
    if (found == DataFault::None) return true;
    fault(found);
    return false;
  }

  void end_line(bool crlf) {
    go(At::LineStart);
    reader_.after_crlf_ = crlf;
    reader_.line_ = 0;
    if (!reader_.header_.done()) reader_.header_.line_end();
    if (room() < 2) return stop(DataFault::TooBig);
    reader_.size_ += 2;
  }

  uint64_t room() const {
    const uint64_t limit = reader_.limits_.size;
    return limit == 0 ? std::numeric_limits<uint64_t>::max() : limit - reader_.size_;
  }

  void keep_up_to(const char* until) {
    out_.append(kept_, until);
    kept_ = until;
  }
  void drop_octet() {
    keep_up_to(next_);
    kept_ = ++next_;
  }
  void go(At at) { reader_.at_ = at; }
  void stop(DataFault found) {
    reader_.fault_ = found;
    status_ = Status::Fault;
  }
  // In the middle of a line, which may well end properly.
  void fault(DataFault found) {
    go(At::InLine);
    stop(found);
  }

  DataReader& reader_;
  const char* const begin_;
  const char* next_;
  const char* kept_;
  const char* const end_;
  std::string& out_;
  Status status_ = Status::More;
};

DataReader::DataReader(const DataLimits& limits) : limits_(limits) {}

// A NUL cannot be part of anything, so the input in front of it is read as if it were all: one scan
// for the whole input instead of one a line.
DataReader::Step DataReader::feed(std::string_view input, std::string& out) {
  assert(fault_ == DataFault::None);
  const size_t nul = input.find('\0');
  Step step = Pass(*this, input.substr(0, nul), out).run();
  if (step.status != Status::More || nul == input.npos) return step;
  fault_ = DataFault::Nul;
  at_ = At::InLine;
  return {Status::Fault, nul + 1};
}

// Looks for CRLF "." CRLF in anything at all.
DataReader::Step DataReader::discard(std::string_view input) {
  size_t next = 0;
  while (next < input.size()) {
    const char c = input[next];
    if (at_ == At::InLine) {
      next = discard_line(input, next);
    } else if (at_ == At::LineStart && c == '.') {
      at_ = At::Dot;
      ++next;
    } else if (at_ == At::Dot && c == '\r') {
      at_ = At::DotCr;
      ++next;
    } else if (at_ == At::DotCr && c == '\n' && after_crlf_) {
      return {Status::End, next + 1};
    } else if ((at_ == At::DotCr || at_ == At::Cr) && c == '\n') {
      end_discarded_line();
      ++next;
    } else {
      at_ = At::InLine;  // and the octet is looked at again
    }
  }
  return {Status::More, next};
}

// To behind the next LF, or to the end.
size_t DataReader::discard_line(std::string_view input, size_t from) {
  const size_t lf = input.find('\n', from);
  if (lf == input.npos) {
    if (input.back() == '\r') at_ = At::Cr;
    return input.size();
  }
  if (lf > from && input[lf - 1] == '\r') end_discarded_line();
  return lf + 1;
}

void DataReader::end_discarded_line() {
  at_ = At::LineStart;
  after_crlf_ = true;
}

}  // namespace ravelin::smtp
