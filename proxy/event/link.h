// Intrusive lists: what waits for the end of a turn. Joining one needs no memory, so it cannot
// fail, and an object that is destroyed while it waits leaves its list by itself: no list ever
// holds a dead pointer. (A vector of pointers would need both: memory, and a search at each end.)
#pragma once

namespace ravelin::proxy {

// A base of what can be in a list; in at most one at a time.
class Link {
 public:
  Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() { unlink(); }

  bool linked() const { return next_ != this; }
  void unlink() {
    prev_->next_ = next_;
    next_->prev_ = prev_;
    prev_ = next_ = this;
  }

 private:
  template <class T>
  friend class LinkList;

  Link* prev_ = this;
  Link* next_ = this;
};

// A list of Ts, which derive from Link. Owns nothing.
template <class T>
class LinkList {
 public:
  bool empty() const { return !head_.linked(); }

  // Takes |object| out of the list that it is in.
  void push_back(T& object) {
    Link& link = object;
    link.unlink();
    link.prev_ = head_.prev_;
    link.next_ = &head_;
    head_.prev_->next_ = &link;
    head_.prev_ = &link;
  }
  // Null if the list is empty.
  T* pop_front() {
    if (empty()) return nullptr;
    Link* first = head_.next_;
    first->unlink();
    return static_cast<T*>(first);
  }
  // Moves all of |other| into this list, which is empty.
  void take(LinkList& other) {
    if (other.empty()) return;
    head_.next_ = other.head_.next_;
    head_.prev_ = other.head_.prev_;
    head_.next_->prev_ = head_.prev_->next_ = &head_;
    other.head_.prev_ = other.head_.next_ = &other.head_;
  }

 private:
  Link head_;
};

}  // namespace ravelin::proxy
