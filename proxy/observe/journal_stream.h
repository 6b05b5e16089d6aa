// Whether a standard stream leads to systemd's journal.
#pragma once

#include <string>
#include <string_view>

namespace ravelin::proxy {

// As sd-daemon(3) has it: the service manager names device and inode of the stream that it made in
// JOURNAL_STREAM. The variable alone says nothing: who starts us may have sent the stream
// elsewhere.
bool is_journal(int fd);

// |text|, which may be several lines, each with a level in front that the journal understands.
std::string with_level(int level, std::string_view text);

}  // namespace ravelin::proxy
