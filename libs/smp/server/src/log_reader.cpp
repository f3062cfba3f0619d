#include "simplex/smp/server/log_reader.hpp"

#include <algorithm>
#include <fstream>

namespace simplex::smp::server {

Result<> read_log_lines(const std::filesystem::path& file, const UseLine& use, const RejectLine& reject) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return {};
  std::ifstream input(file, std::ios::binary);
  if (!input) return fail(ErrorKind::storage, "cannot read " + file.string(), Advice::ask_user);
  std::string line;
  for (std::uint64_t number = 1; std::getline(input, line); ++number) {
    auto used = use(line);
    if (used) continue;
    auto what = std::move(used.error().message);
    if (input.eof()) what += "; the line was not written to its end";
    reject({number, std::move(what)}, line);
  }
  if (input.bad()) return fail(ErrorKind::storage, "cannot read " + file.string(), Advice::ask_user);
  return {};
}

Result<> LogReplay::use(StoreRecord record) {
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

std::vector<QueueRecord> LogReplay::take_queues() {
  std::vector<QueueRecord> made;
  made.reserve(index_.size());
  for (auto& queue : queues_) {
    if (queue) made.push_back(std::move(*queue));
  }
  return made;
}

Result<> LogReplay::add(QueueRecord queue) {
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

Result<> LogReplay::add(ServiceRecord service) {
  const auto same = [&](const ServiceRecord& other) {
    return other.id == service.id || other.certificate_hash == service.certificate_hash;
  };
  if (std::ranges::any_of(services_, same)) return fail(ErrorKind::conflict, "the service exists already");
  services_.push_back(std::move(service));
  return {};
}

void LogReplay::remember_ids(const QueueRecord& queue) {
  senders_.insert(queue.sender_id);
  if (queue.link) links_.insert(queue.link->id);
  if (queue.notifier) notifiers_.insert(queue.notifier->id);
}

void LogReplay::forget_ids(const QueueRecord& queue) {
  senders_.erase(queue.sender_id);
  if (queue.link) links_.erase(queue.link->id);
  if (queue.notifier) notifiers_.erase(queue.notifier->id);
}

}  // namespace simplex::smp::server
