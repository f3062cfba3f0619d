// rooms: smp_stores
// A queue's folder of the reference's journal: the state, and the two files that it may name, cut out of the input at
// octets 0x1d ("group separator"). Limits that a state claims do not become memory, and what was read is the same after
// it was written and read again.
#include <unistd.h>

#include <fstream>

#include "simplex/smp/stores/journal.hpp"
#include "allocation_bound.hpp"
#include "counting_random.hpp"

namespace {

using namespace simplex;  // NOLINT: one file, no header
namespace fs = std::filesystem;
namespace server = smp::server;
namespace stores = smp::stores;
using fuzz::require;

constexpr std::size_t octets_for_each = 200;  // a message of a few octets is an object of its own, and so is a problem
constexpr std::size_t octets_for_all = 128 * 1'024;

// Folders of one process, in memory if there is such a place; removed at its end.
class Place {
 public:
  Place() {
    std::error_code error;
    const fs::path memory = "/dev/shm";
    root_ = fs::is_directory(memory, error) ? memory : fs::temp_directory_path();
    root_ /= "simplex_journal_fuzz." + std::to_string(::getpid());
    fs::create_directories(folder());
  }
  ~Place() {
    std::error_code error;
    fs::remove_all(root_, error);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  [[nodiscard]] fs::path root() const { return root_ / "read"; }
  [[nodiscard]] fs::path written() const { return root_ / "written"; }
  [[nodiscard]] fs::path folder() const { return stores::journal_folder(root(), queue()); }
  [[nodiscard]] static server::RecipientId queue() { return *server::RecipientId::from(Bytes(24, 0)); }

  void put(const std::string& name, std::string_view text) const {
    std::ofstream file(folder() / name, std::ios::binary);
    file << text;
    require(file.good());
  }

 private:
  fs::path root_;
};

std::string_view next_part(std::string_view& text) {
  const auto end = text.find('\x1d');
  const auto part = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return part;
}

std::vector<server::MessagePtr> read(const Place& place, const fs::path& root, bool expect_problems) {
  std::vector<stores::FileProblem> problems;
  auto messages = stores::read_journal(root, Place::queue(), problems);
  require(expect_problems || (messages && problems.empty()));
  for (const auto& problem : problems) require(format(problem).size() < 300 + place.root().string().size());
  if (!messages) return {};
  return {messages->begin(), messages->end()};
}

void check(const Place& place) {
  const auto messages = read(place, place.root(), true);
  if (messages.empty()) return;
  fuzz::CountingRandom random;
  fs::remove_all(place.written());
  require(stores::write_journal(place.written(), Place::queue(), messages, random).has_value());
  const auto again = read(place, place.written(), false);
  require(again.size() == messages.size());
  for (std::size_t i = 0; i < again.size(); ++i) {
    require(server::format_journal_message(*again[i]) == server::format_journal_message(*messages[i]));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Place place;
  auto rest = as_text({data, size});
  place.put("queue_state." + std::string(32, 'A') + ".log", next_part(rest));
  place.put("messages.a.log", next_part(rest));
  place.put("messages.b.log", next_part(rest));
  const fuzz::AllocationBound bound(octets_for_all + octets_for_each * size);
  check(place);
  return 0;
}
