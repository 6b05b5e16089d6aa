// The headers of a SYN, as a stranger has made them and the kernel has kept them: any octets.
#include "proxy/profile/syn.h"

#include <algorithm>
#include <vector>

#include "fuzz/script.h"

namespace ravelin::fuzz {
namespace {

using Found = std::optional<proxy::Syn>;

// From memory of just its size: a read behind its end is seen.
Found parse(std::string_view data) {
  const std::vector<uint8_t> exact(data.begin(), data.end());
  return proxy::parse_syn(exact);
}

void check(const proxy::Syn& syn) {
  must(syn.ttl <= syn.initial_ttl, "nothing gains life on its way");
  must(syn.kind_count + syn.padding <= 40, "a header has 40 octets of options");
  const auto layout = syn.layout();
  const auto end = std::find(layout.begin(), layout.end(), proxy::kSynEnd);
  must(layout.end() - end <= 1, "nothing is read behind the end");
  must(syn.padding == 0 || end != layout.end(), "only an end is followed by padding");
  must(!syn.mss || std::count(layout.begin(), layout.end(), proxy::kSynMss) > 0, "no MSS unsaid");
  const auto text = proxy::layout_text(syn);
  must(text.size() <= 400, "the text has its bound");
  must(std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; }),
       "the text is ASCII");
  must(!syn.malformed || proxy::classify(syn) == proxy::Stack::Unknown, "no stack sends that");
}

// The headers begin where a packet begins, and end where they say: without their last octet they
// are none, and what follows changes nothing.
void check_end(std::string_view data, const Found& whole) {
  must(parse(std::string(data) + "\x02\x04") == whole, "what follows is not looked at");
  size_t size = 0;
  while (!parse(data.substr(0, size))) ++size;
  must(size >= 40, "there are two headers");
  for (; size < data.size(); ++size)
    must(parse(data.substr(0, size)) == whole, "the headers end once");
}

}  // namespace

void run(std::string_view input) {
  const auto data = input.substr(0, proxy::kSynRoom);
  const auto found = parse(data);
  if (!found) return;
  check(*found);
  check_end(data, found);
}

}  // namespace ravelin::fuzz
