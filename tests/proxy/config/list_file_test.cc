#include "proxy/config/list_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "support/temp_dir.h"
#include "tests/proxy/config/sample.h"

namespace ravelin::proxy {
namespace {

using Errors = std::vector<std::string>;

// Files for one test, gone with it.
class Files {
 public:
  std::string write(const std::string& name, const std::string& text) const {
    test::write_file(directory_.file(name), text);
    return directory_.file(name);
  }

 private:
  test::TempDir directory_;
};

std::string route(std::string_view lines) {
  return "[[route]]\nbackends = [\"b:25\"]\n" + std::string(lines);
}

TEST_CASE("A list has one entry a line, and comments") {
  const auto list = parse_list(
      "# head\n\n one \r\ntwo # behind\nthree#no comment\t#yes\n\t#only\nlast without a line end");
  std::vector<std::pair<std::string, int>> entries;
  for (const ListEntry& entry : list.entries) entries.emplace_back(entry.text, entry.line);
  CHECK(entries ==
        std::vector<std::pair<std::string, int>>{
            {"one", 3}, {"two", 4}, {"three#no comment", 5}, {"last without a line end", 7}});
}

TEST_CASE("read_list_file tells why it could not") {
  const Files files;
  std::string error;
  CHECK(read_list_file(files.write("list", "a\nb\n"), error) == std::vector<std::string>{"a", "b"});
  CHECK(error.empty());
  CHECK(read_list_file("/nonexistent/list", error).empty());
  CHECK(error == "cannot read the file: No such file or directory");
}

TEST_CASE("A list file that is a FIFO is not waited for") {
  const Files files;
  const auto path = files.write("list", "");
  REQUIRE((unlink(path.c_str()) == 0 && mkfifo(path.c_str(), 0600) == 0));
  std::string error;
  CHECK(read_list_file(path, error).empty());
  CHECK(error == "cannot read the file: it is a FIFO");
}

TEST_CASE("Lists of files are appended, domains in lower case, recipients sorted") {
  const Files files;
  const auto domains = files.write("domains", "B.example\n.b.example # all below\n");
  const auto recipients =
      files.write("recipients", "bob@b.example\nAlice@B.example\nBOB@b.example");
  const auto allow = files.write("allow", "2001:db8::/32\n");
  const auto deny = files.write("deny", "198.51.100.7\n");
  const auto loaded = load("[access]\nallow = [\"192.0.2.1\"]\nallow_file = \"" + allow +
                           "\"\ndeny_file = \"" + deny + "\"\n" +
                           route("domains = [\"a.example\"]\ndomains_file = \"" + domains +
                                 "\"\nrecipients_file = \"" + recipients + '"'));
  CHECK(errors(loaded).empty());
  REQUIRE(loaded.config);
  using List = std::vector<std::string>;
  CHECK(loaded.config->routes[0].domains == List{"a.example", "b.example", ".b.example"});
  CHECK(loaded.config->routes[0].recipients == List{"alice@b.example", "bob@b.example"});
  CHECK(loaded.config->access.allow == List{"192.0.2.1", "2001:db8::/32"});
  CHECK(loaded.config->access.deny == List{"198.51.100.7"});
}

TEST_CASE("A fault in a list file has that file's own place") {
  const Files files;
  const auto file = files.write("domains", "fine.example\nno domain\nexample.com\n");
  // example.com is the route's below, which is read later: the fault is there.
  CHECK(errors_of(route("domains_file = \"" + file + '"')) ==
        Errors{"6:12: domain \"example.com\" belongs to the [[route]] of line 2 already",
               file + ":2:1: \"no domain\" is not a domain like \"example.com\", or "
                      "\".example.com\" for all subdomains (an internationalised one is written "
                      "in its xn-- form)"});
}

TEST_CASE("A domain of a list file that another route has") {
  const Files files;
  const auto file = files.write("domains", "# head\nA.example\n");
  const auto text = route("domains = [\"a.example\"]\n") + route("domains_file = \"" + file + '"');
  CHECK(errors_of(text) ==
        Errors{file + ":2:1: domain \"a.example\" belongs to the [[route]] of line 2 already"});
}

TEST_CASE("A list file that is not there is a fault of the key that names it") {
  CHECK(errors_of("access.deny_file = \"/nonexistent/deny\"") ==
        Errors{"2:20: deny_file: \"/nonexistent/deny\": cannot read the file: No such file or "
               "directory"});
}

TEST_CASE("An empty list of recipients would refuse all mail, so it is refused") {
  const Files files;
  const auto file = files.write("recipients", "# nothing yet\n");
  CHECK(errors_of(route("domains = [\"a.example\"]\nrecipients_file = \"" + file + '"')) ==
        Errors{"5:19: recipients_file has no entry: every recipient would be refused"});
}

TEST_CASE("So would an empty list of domains, with others beside it or not") {
  const Files files;
  const auto file = files.write("domains", "");
  const auto error = "domains_file has no entry: all mail for its domains would be refused";
  CHECK(errors_of(route("domains_file = \"" + file + '"')) ==
        Errors{std::string("4:16: ") + error});
  CHECK(errors_of(route("domains = [\"a.example\"]\ndomains_file = \"" + file + '"')) ==
        Errors{std::string("5:16: ") + error});
}

TEST_CASE("The wrong file is not listed line by line") {
  const Files files;
  std::string text;
  for (int i = 0; i < 30; ++i) text += "no address\n";
  const auto found = errors_of("access.deny_file = \"" + files.write("deny", text) + '"');
  REQUIRE(found.size() == 21);
  CHECK(found.back().ends_with("30 entries are wrong in all"));
}

}  // namespace
}  // namespace ravelin::proxy
