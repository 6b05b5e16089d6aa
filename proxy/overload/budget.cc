#include "proxy/overload/budget.h"

#include <memory>

namespace ravelin::proxy {

class Budget::Place final : public dns::Pending {
 public:
  explicit Place(std::atomic<uint32_t>& count)
      : count_(count), before_(count.fetch_add(1, std::memory_order_relaxed)) {}
  ~Place() override { count_.fetch_sub(1, std::memory_order_relaxed); }

  uint32_t before() const { return before_; }  // so many had one

 private:
  std::atomic<uint32_t>& count_;
  const uint32_t before_;
};

dns::Handle Budget::enter(double most) {
  auto place = std::make_unique<Place>(count_);
  if (place->before() >= most) return nullptr;
  return place;
}

}  // namespace ravelin::proxy
