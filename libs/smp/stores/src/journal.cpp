#include "simplex/smp/stores/journal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>

#include "simplex/encoding/base64.hpp"

namespace simplex::smp::stores {
namespace {

namespace fs = std::filesystem;
using server::RecipientId;
using server::StoredMessage;

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

bool take_number(std::string_view& text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take_place(std::string_view& text, JournalState::Place& place) {
  const auto comma = text.find(',');
  if (comma == std::string_view::npos || comma == 0) return false;
  place.journal = text.substr(0, comma);
  // It becomes a part of a file's name.
  if (place.journal.find('/') != std::string::npos) return false;
  text.remove_prefix(comma);
  for (auto* number : {&place.position, &place.count, &place.octet, &place.octets}) {
    if (!take(text, ",") || !take_number(text, *number)) return false;
  }
  return true;
}

bool consistent(const JournalState& state) {
  const auto& [write, read] = state;
  const bool always = read.position <= read.count && read.octet <= read.octets && write.position == write.count &&
                      write.octet == write.octets;
  if (read.journal != write.journal) return always;
  return always && read.count == write.count && read.octets == write.octets;
}

std::string state_name(const RecipientId& queue) { return fmt::format("queue_state.{}.log", base64url(queue.view())); }
std::string journal_name(std::string_view journal) { return fmt::format("messages.{}.log", journal); }

Result<std::string> read_text(const fs::path& file, std::uint64_t from, std::uint64_t to) {
  std::ifstream input(file, std::ios::binary);
  std::string text;
  // Limits that a damaged file states must not become memory.
  std::error_code error;
  const auto size = fs::file_size(file, error);
  if (!input || error) return fail(ErrorKind::storage, "cannot read " + file.string(), Advice::ask_user);
  to = std::min<std::uint64_t>(to, size);
  if (from >= to) return text;
  text.resize(to - from);
  input.seekg(static_cast<std::streamoff>(from));
  if (!input.read(text.data(), static_cast<std::streamsize>(text.size()))) {
    return fail(ErrorKind::storage, "cannot read " + file.string(), Advice::ask_user);
  }
  return text;
}

// The last state that can be read; nothing when there is none.
Result<std::optional<JournalState>> read_state(const fs::path& folder, const RecipientId& queue,
                                               std::vector<FileProblem>& problems) {
  auto file = folder / state_name(queue);
  auto interrupted = file;
  interrupted += ".bak";
  std::error_code error;
  if (fs::exists(interrupted, error)) file = interrupted;
  if (!fs::exists(file, error)) return std::nullopt;
  SIMPLEX_ASSIGN(const auto text, read_text(file, 0, std::numeric_limits<std::uint64_t>::max()));
  std::vector<std::string_view> lines;
  for (std::string_view rest = text; !rest.empty();) {
    const auto end = rest.find('\n');
    lines.push_back(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  for (auto number = lines.size(); number > 0; --number) {
    const bool whole = number < lines.size() || text.ends_with('\n');
    auto state = parse_journal_state(lines[number - 1], whole);
    if (state) return std::move(*state);
    problems.push_back({file, {number, state.error().message + "; the line before it is used"}});
  }
  if (lines.empty()) problems.push_back({file, {0, "the state of the queue is empty"}});
  return std::nullopt;
}

Result<> read_range(const fs::path& file, std::uint64_t from, std::uint64_t to, std::uint64_t line,
                    std::vector<std::shared_ptr<StoredMessage>>& messages, std::vector<FileProblem>& problems) {
  std::error_code error;
  if (!fs::exists(file, error)) {
    if (from < to) problems.push_back({file, {0, "the file is missing, and the messages in it"}});
    return {};
  }
  SIMPLEX_ASSIGN(const auto text, read_text(file, from, to));
  if (text.size() < to - from) {
    problems.push_back({file, {0, fmt::format("the file ends {} octets early", to - from - text.size())}});
  }
  for (std::string_view rest = text; !rest.empty(); ++line) {
    const auto end = rest.find('\n');
    auto message = server::parse_journal_message(rest.substr(0, end));
    if (message) {
      messages.push_back(std::move(*message));
    } else {
      problems.push_back({file, {line, message.error().message}});
    }
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return {};
}

}  // namespace

Result<JournalState> parse_journal_state(std::string_view line, bool whole) {
  JournalState made;
  auto rest = line;
  const bool places = take(rest, "write=") && take_place(rest, made.write) && take(rest, " read=") &&
                      take_place(rest, made.read) && take(rest, " ");
  if (!places) return fail(ErrorKind::malformed, "not the state of a queue");
  std::uint64_t size = 0;
  const bool can_write = take(rest, "canWrite=T") || take(rest, "canWrite=F");
  const bool end = can_write && take(rest, " size=") && take_number(rest, size) && rest.empty();
  if (whole && !end) return fail(ErrorKind::malformed, "not the state of a queue");
  if (!consistent(made) || (whole && size != made.size())) {
    return fail(ErrorKind::malformed, "the state of the queue contradicts itself");
  }
  return made;
}

std::string format_journal_state(const JournalState& state) {
  const auto place = [](const JournalState::Place& p) {
    return fmt::format("{},{},{},{},{}", p.journal, p.position, p.count, p.octet, p.octets);
  };
  return fmt::format("write={} read={} canWrite=T size={}", place(state.write), place(state.read), state.size());
}

fs::path journal_folder(const fs::path& root, const RecipientId& queue) {
  const auto id = base64url(queue.view());
  std::string_view rest = id;
  auto folder = root;
  for (int level = 0; level < 4 && !rest.empty(); ++level) {
    folder /= std::string(rest.substr(0, 2));
    rest.remove_prefix(std::min<std::size_t>(2, rest.size()));
  }
  return rest.empty() ? folder : folder / std::string(rest);
}

Result<std::vector<std::shared_ptr<StoredMessage>>> read_journal(const fs::path& root, const RecipientId& queue,
                                                                 std::vector<FileProblem>& problems) {
  std::vector<std::shared_ptr<StoredMessage>> messages;
  const auto folder = journal_folder(root, queue);
  SIMPLEX_ASSIGN(const auto state, read_state(folder, queue, problems));
  if (!state || state->size() == 0) return messages;
  const auto& [write, read] = *state;
  SIMPLEX_TRY(
      read_range(folder / journal_name(read.journal), read.octet, read.octets, read.position + 1, messages, problems));
  if (read.journal == write.journal) return messages;
  SIMPLEX_TRY(read_range(folder / journal_name(write.journal), 0, write.octet, 1, messages, problems));
  return messages;
}

Result<> write_journal(const fs::path& root, const RecipientId& queue, std::span<const server::MessagePtr> messages,
                       Random& random) {
  const auto folder = journal_folder(root, queue);
  SIMPLEX_TRY(server_kit::create_directories(folder, 0700));
  JournalState state;
  state.write.journal = state.read.journal = base64url(random.bytes(12));
  std::string text;
  for (const auto& message : messages) text += server::format_journal_message(*message) + '\n';
  state.write.position = state.write.count = state.read.count = messages.size();
  state.write.octet = state.write.octets = state.read.octets = text.size();
  auto line = format_journal_state(state);
  // The last message says that the queue is full.
  if (messages.back()->quota) line.replace(line.find("canWrite=T"), 10, "canWrite=F");
  SIMPLEX_TRY(
      server_kit::create_file(folder / journal_name(state.write.journal), as_bytes(text), server_kit::private_file));
  return server_kit::create_file(folder / state_name(queue), as_bytes(line + '\n'), server_kit::private_file);
}

}  // namespace simplex::smp::stores
