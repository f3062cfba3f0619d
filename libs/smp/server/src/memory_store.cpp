#include "simplex/smp/server/memory_store.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "simplex/smp/server/log_reader.hpp"

namespace simplex::smp::server {
namespace {

namespace fs = std::filesystem;

// Lines that could not be used are kept in "<file>.rejected", and told.
[[nodiscard]] Result<> read_keeping_rejected(const fs::path& file, const UseLine& use,
                                             std::vector<LogProblem>& problems) {
  std::string rejected;
  SIMPLEX_TRY(read_log_lines(file, use, [&](LogProblem problem, std::string_view line) {
    rejected += fmt::format("# line {}: {}\n{}\n", problem.line, problem.what, line);
    problems.push_back(std::move(problem));
  }));
  if (rejected.empty()) return {};
  auto name = file;
  name += ".rejected";
  SIMPLEX_ASSIGN(auto kept, server_kit::AppendFile::open(name, server_kit::private_file));
  SIMPLEX_TRY(kept.append(as_bytes(rejected)));
  return kept.sync();
}

constexpr std::string_view backup_time_format = "{:%Y-%m-%dT%H:%M:%S}Z";

std::string backup_suffix(const Clock& clock) {
  return fmt::format(fmt::runtime(backup_time_format), fmt::gmtime(std::time_t{seconds_since_epoch(clock.wall())}));
}

void remove_old_backups(const fs::path& file, const Clock& clock) {
  const auto suffix_before = [&](std::int64_t age) {
    return fmt::format(fmt::runtime(backup_time_format),
                       fmt::gmtime(std::time_t{seconds_since_epoch(clock.wall()) - age}));
  };
  constexpr std::int64_t day = 86'400;
  const auto prefix = file.filename().string() + '.';
  const auto directory = file.has_parent_path() ? file.parent_path() : fs::path(".");
  std::vector<std::string> times;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const auto name = entry.path().filename().string();
    // The time's text begins with the century: other files that begin like the log have a word there.
    if (name.starts_with(prefix + "20") && name.ends_with('Z')) times.push_back(name.substr(prefix.size()));
  }
  std::erase_if(times, [&](const std::string& time) { return time >= suffix_before(day); });
  std::ranges::sort(times);
  constexpr std::size_t kept = 3;
  if (times.size() <= kept) return;
  times.resize(times.size() - kept);
  for (const auto& time : times) {
    if (time < suffix_before(21 * day)) fs::remove(directory / (prefix + time), error);
  }
}

}  // namespace

Result<> StoreLog::append(std::string_view lines) {
  const std::lock_guard lock(mutex_);
  return file_.append(as_bytes(lines));
}

Result<LoggedQueues> read_store_log(const fs::path& file) {
  // The reference moves the log to ".start" while it compacts it: one left behind is the last whole state.
  auto started = file;
  started += ".start";
  std::error_code error;
  if (fs::exists(started, error)) {
    auto kept = file;
    kept += ".bak";
    if (fs::exists(file, error)) fs::rename(file, kept, error);
    if (!error) fs::rename(started, file, error);
    if (error) return fail(ErrorKind::storage, "cannot restore the log from " + started.string(), Advice::ask_user);
  }

  LoggedQueues made;
  LogReplay replay;
  SIMPLEX_TRY(read_keeping_rejected(
      file,
      [&](std::string_view line) -> Result<> {
        SIMPLEX_ASSIGN(auto record, parse_record(line));
        return replay.use(std::move(record));
      },
      made.problems));
  made.queues = replay.take_queues();
  made.services = replay.take_services();
  return made;
}

Result<std::shared_ptr<StoreLog>> compact_store_log(const fs::path& file, const LoggedQueues& queues,
                                                    const Clock& clock) {
  SIMPLEX_ASSIGN(auto compacted, server_kit::FileReplacement::begin(file, server_kit::private_file));
  for (const auto& service : queues.services) {
    SIMPLEX_TRY(compacted.write(as_bytes(format_record(NewService{service}) + '\n')));
  }
  for (const auto& queue : queues.queues) SIMPLEX_TRY(compacted.write(as_bytes(format_queue(queue) + '\n')));
  std::error_code error;
  if (fs::exists(file, error) && fs::file_size(file, error) > 0) {
    auto backup = file;
    backup += '.' + backup_suffix(clock);
    fs::remove(backup, error);
    fs::create_hard_link(file, backup, error);
    if (error) {
      return fail(ErrorKind::storage,
                  fmt::format("cannot keep {} as {}: {}", file.string(), backup.string(), error.message()),
                  Advice::ask_user);
    }
  }
  SIMPLEX_TRY(compacted.commit());
  remove_old_backups(file, clock);
  SIMPLEX_ASSIGN(auto log, server_kit::AppendFile::open(file, server_kit::private_file));
  return std::make_shared<StoreLog>(std::move(log));
}

Result<LoggedMessages> read_messages(const fs::path& file) {
  LoggedMessages made;
  std::unordered_map<RecipientId, std::size_t> index;
  SIMPLEX_TRY(read_keeping_rejected(
      file,
      [&](std::string_view line) -> Result<> {
        SIMPLEX_ASSIGN(auto parsed, parse_message(line));
        const auto [found, added] = index.emplace(parsed.queue, made.queues.size());
        if (added) made.queues.push_back({parsed.queue, {}});
        made.queues[found->second].messages.push_back(std::move(parsed.message));
        return {};
      },
      made.problems));
  return made;
}

Result<> reject_messages(const fs::path& file, const std::vector<LoggedMessages::Queue>& queues) {
  if (queues.empty()) return {};
  std::string lines = "# the queue does not exist\n";
  for (const auto& queue : queues) {
    for (const auto& message : queue.messages) lines += format_message(queue.id, *message) + '\n';
  }
  auto name = file;
  name += ".rejected";
  SIMPLEX_ASSIGN(auto rejected, server_kit::AppendFile::open(name, server_kit::private_file));
  SIMPLEX_TRY(rejected.append(as_bytes(lines)));
  return rejected.sync();
}

Result<MessageLogWriter> MessageLogWriter::begin(const fs::path& file) {
  SIMPLEX_ASSIGN(auto replacement, server_kit::FileReplacement::begin(file, server_kit::private_file));
  return MessageLogWriter(std::move(replacement));
}

Result<> MessageLogWriter::add(const RecipientId& queue, const StoredMessage& message) {
  return file_.write(as_bytes(format_message(queue, message) + '\n'));
}

void MemoryStore::write(const StoreRecord& record, Done<> done) {
  if (!log_) return done({});
  lines_ += format_record(record);
  lines_ += '\n';
  waiting_.push_back(std::move(done));
}

void MemoryStore::flush() {
  while (!waiting_.empty()) {
    const auto lines = std::exchange(lines_, {});
    auto waiting = std::exchange(waiting_, {});
    const auto written = log_->append(lines);
    if (!written && logger_ != nullptr) logger_->error(written.error().message);
    for (auto& done : waiting) done(written);
  }
}

}  // namespace simplex::smp::server
