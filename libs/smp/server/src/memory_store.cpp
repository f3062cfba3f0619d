#include "simplex/smp/server/memory_store.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <unordered_map>
#include <unordered_set>

namespace simplex::smp::server {
namespace {

namespace fs = std::filesystem;

// Calls each(number, line) for every line; a false answer of it means that the line goes to the rejected ones.
class LineFile {
 public:
  explicit LineFile(const fs::path& file) : file_(file), input_(file, std::ios::binary) {}

  template <class F>
  [[nodiscard]] Result<> for_each(std::vector<LogProblem>& problems, F&& each) {
    std::error_code error;
    if (!fs::exists(file_, error)) return {};
    if (!input_) return fail(ErrorKind::storage, "cannot read " + file_.string(), Advice::ask_user);
    std::string line;
    std::string rejected;
    for (std::uint64_t number = 1; std::getline(input_, line); ++number) {
      auto used = input_.eof() ? Result<>(fail(ErrorKind::malformed, "the line was not written to its end"))
                               : static_cast<Result<>>(each(std::string_view(line)));
      if (used) continue;
      rejected += fmt::format("# line {}: {}\n{}\n", number, used.error().message, line);
      problems.push_back({number, std::move(used.error().message)});
    }
    if (input_.bad()) return fail(ErrorKind::storage, "cannot read " + file_.string(), Advice::ask_user);
    if (rejected.empty()) return {};
    auto name = file_;
    name += ".rejected";
    SIMPLEX_ASSIGN(auto file, server_kit::AppendFile::open(name, server_kit::private_file));
    SIMPLEX_TRY(file.append(as_bytes(rejected)));
    return file.sync();
  }

 private:
  fs::path file_;
  std::ifstream input_;
};

// Queues as the log made them, with all their ids unique.
class LogReplay {
 public:
  Result<> use(StoreRecord record) {
    if (auto* create = std::get_if<CreateQueue>(&record)) return add(std::move(create->queue));
    if (auto* service = std::get_if<NewService>(&record)) return add(std::move(service->service));
    const auto found = index_.find(*queue_of(record));
    if (found == index_.end()) return fail(ErrorKind::not_found, "the queue does not exist");
    auto& queue = queues_[found->second];
    if (std::holds_alternative<DeleteQueue>(record)) {
      forget_ids(*queue);
      index_.erase(found);
      queue.reset();
      return {};
    }
    if (const auto* change = std::get_if<CreateLink>(&record)) {
      const bool new_link = !queue->link || queue->link->id != change->link.id;
      if (new_link && links_.contains(change->link.id)) return fail(ErrorKind::conflict, "another queue has this link");
    }
    if (const auto* change = std::get_if<AddNotifier>(&record)) {
      if (notifiers_.contains(change->notifier.id)) return fail(ErrorKind::conflict, "another queue has this notifier");
    }
    forget_ids(*queue);
    auto applied = apply_change(record, *queue);
    remember_ids(*queue);
    return applied;
  }

  [[nodiscard]] std::vector<QueueRecord> take_queues() {
    std::vector<QueueRecord> made;
    made.reserve(index_.size());
    for (auto& queue : queues_) {
      if (queue) made.push_back(std::move(*queue));
    }
    return made;
  }
  [[nodiscard]] std::vector<ServiceRecord> take_services() { return std::move(services_); }

 private:
  Result<> add(QueueRecord queue) {
    if (index_.contains(queue.recipient_id)) return fail(ErrorKind::conflict, "the queue exists already");
    if (senders_.contains(queue.sender_id)) return fail(ErrorKind::conflict, "another queue has this sender id");
    if (queue.link && links_.contains(queue.link->id)) return fail(ErrorKind::conflict, "another queue has this link");
    if (queue.notifier && notifiers_.contains(queue.notifier->id)) {
      return fail(ErrorKind::conflict, "another queue has this notifier");
    }
    remember_ids(queue);
    index_.emplace(queue.recipient_id, queues_.size());
    queues_.emplace_back(std::move(queue));
    return {};
  }
  Result<> add(ServiceRecord service) {
    const auto same = [&](const ServiceRecord& other) {
      return other.id == service.id || other.certificate_hash == service.certificate_hash;
    };
    if (std::ranges::any_of(services_, same)) return fail(ErrorKind::conflict, "the service exists already");
    services_.push_back(std::move(service));
    return {};
  }
  void remember_ids(const QueueRecord& queue) {
    senders_.insert(queue.sender_id);
    if (queue.link) links_.insert(queue.link->id);
    if (queue.notifier) notifiers_.insert(queue.notifier->id);
  }
  void forget_ids(const QueueRecord& queue) {
    senders_.erase(queue.sender_id);
    if (queue.link) links_.erase(queue.link->id);
    if (queue.notifier) notifiers_.erase(queue.notifier->id);
  }

  std::vector<std::optional<QueueRecord>> queues_;
  std::vector<ServiceRecord> services_;
  std::unordered_map<RecipientId, std::size_t> index_;
  std::unordered_set<SenderId> senders_;
  std::unordered_set<LinkId> links_;
  std::unordered_set<NotifierId> notifiers_;
};

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
  SIMPLEX_TRY(LineFile(file).for_each(made.problems, [&](std::string_view line) -> Result<> {
    SIMPLEX_ASSIGN(auto record, parse_record(line));
    return replay.use(std::move(record));
  }));
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
  SIMPLEX_TRY(LineFile(file).for_each(made.problems, [&](std::string_view line) -> Result<> {
    SIMPLEX_ASSIGN(auto parsed, parse_message(line));
    const auto [found, added] = index.emplace(parsed.queue, made.queues.size());
    if (added) made.queues.push_back({parsed.queue, {}});
    made.queues[found->second].messages.push_back(std::move(parsed.message));
    return {};
  }));
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
