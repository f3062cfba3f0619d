// Reads the reference's logs without changing them.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "simplex/smp/server/store_record.hpp"

namespace simplex::smp::server {

// A line that could not be used, and why.
struct LogProblem {
  std::uint64_t line = 0;  // from 1
  std::string what;
};

using UseLine = std::function<Result<>(std::string_view line)>;
using RejectLine = std::function<void(LogProblem problem, std::string_view line)>;

// Gives every line to `use`, and those that it refuses to `reject`. A missing file has no lines. A last line without its
// end may be one that was being written when the power went: it is used when it can be, as the reference does.
[[nodiscard]] Result<> read_log_lines(const std::filesystem::path& file, const UseLine& use, const RejectLine& reject);

// Applies the records of smp-server-store.log one after the other. Ids of queues stay unique.
class LogReplay {
 public:
  [[nodiscard]] Result<> use(StoreRecord record);

  [[nodiscard]] std::vector<QueueRecord> take_queues();
  [[nodiscard]] std::vector<ServiceRecord> take_services() { return std::move(services_); }

 private:
  [[nodiscard]] Result<> add(QueueRecord queue);
  [[nodiscard]] Result<> add(ServiceRecord service);
  void remember_ids(const QueueRecord& queue);
  void forget_ids(const QueueRecord& queue);

  std::vector<std::optional<QueueRecord>> queues_;
  std::vector<ServiceRecord> services_;
  std::unordered_map<RecipientId, std::size_t> index_;
  std::unordered_set<SenderId> senders_;
  std::unordered_set<LinkId> links_;
  std::unordered_set<NotifierId> notifiers_;
};

}  // namespace simplex::smp::server
