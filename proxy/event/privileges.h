// Giving up root, once everything that needs it is open.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace ravelin::proxy {

struct User {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // with |gid|
};

bool running_as_root();
bool is_us(const User& user);
std::optional<User> find_user(const std::string& name);

// Becomes |user| with its groups, for good: no saved ids, no capabilities, no new privileges by
// exec. The process must have one thread. Returns "" or what failed; after a failure the process
// must end.
std::string become(const User& user);
// Makes |directory| the root and the working directory. "" or what failed.
std::string enter_root(const std::string& directory);
// As become(), for whom we are already: a service manager may have given a capability with the
// user.
std::string stay_as_we_are();

// Make |path| (created if it is missing, as a file or as a directory with its parent there) belong
// to |user|, so that it can be written after become(). What was there and belongs to somebody else
// stays theirs. Return "" or what failed.
std::string give_file(const std::string& path, const User& user, mode_t mode);
// The same for a file that may be missing, and then stays so.
std::string give_existing(const std::string& path, const User& user);
std::string give_socket(const std::string& path, const User& user);
// Made for |user|, or for ourselves if there is none; one that is there is left as it is.
std::string make_directory(const std::string& path, const std::optional<User>& user, mode_t mode);

}  // namespace ravelin::proxy
