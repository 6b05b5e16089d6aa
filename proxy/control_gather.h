// Asks all workers for something, and puts their answers together.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "proxy/control_commands.h"

namespace ravelin::proxy {

// |ask| is called on each worker's thread and returns values; |done| on the main thread, once, with
// all of them. Should a worker not come to it, |done| is never called: whoever asked hears nothing
// then, and is let go in time. Without workers |done| is called at once.
template <class Part>
void gather(Daemon& daemon, std::function<Part(const WorkerParts&)> ask,
            std::function<void(std::vector<Part>)> done) {
  struct Parts {
    std::vector<Part> all;
    size_t wanted = 0;
    std::function<void(std::vector<Part>)> done;
  };
  const auto parts = std::make_shared<Parts>();  // used on the main thread only
  parts->done = std::move(done);
  parts->wanted = daemon.visit_workers([&daemon, parts, ask](const WorkerParts& worker) {
    daemon.post([parts, part = ask(worker)]() mutable {
      parts->all.push_back(std::move(part));
      if (parts->all.size() == parts->wanted) parts->done(std::move(parts->all));
    });
  });
  if (parts->wanted == 0) parts->done({});
}

}  // namespace ravelin::proxy
