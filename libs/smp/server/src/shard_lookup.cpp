// The way of a command to its queue: directories, queues that the store has to give back, and waiting.
#include "simplex/smp/server/shard.hpp"

#include "command_run.hpp"
#include "directory.hpp"
#include "queue_visit.hpp"
#include "resident_queues.hpp"

namespace simplex::smp::server {

void Shard::resolve(IdKind kind, const DirectoryId& id, Request request) {
  if (const auto directory = home_of(id.view()); directory != index_) {
    request.own();
    return to_shard(directory, between_shards::Resolve{kind, id, std::move(request)});
  }
  const DirectoryKey key{kind, id};
  const auto found = directory_->find(key);
  if (found.in_memory != nullptr) {
    if (resident_) resident_->touch(*found.in_memory);
    return execute(found.in_memory, std::move(request));
  }
  if (found) return pass_on(RecipientId(found.queue()), std::move(request));
  if (!store_.keeps_everything()) return reject_missing(request);
  find_in_store(key, std::move(request));
}

void Shard::pass_on(const RecipientId& queue, Request request) {
  const auto home = home_of(queue.view());
  if (home == index_) return locate(queue, std::move(request));
  request.own();
  to_shard(home, between_shards::Execute{queue, std::move(request)});
}

void Shard::wait(std::vector<WaitingRequest>& where, Request request) {
  auto place = waiting_room_->enter(request, settings_.resident.waiting_octets);
  if (!place) {
    ++statistics_.refused_waiting;
    return reject(request, store_error());
  }
  request.own();
  where.push_back({std::move(request), *std::move(place)});
}

// ---- directories

void Shard::find_in_store(const DirectoryKey& key, Request request) {
  const auto [found, added] = finding_.try_emplace(key);
  wait(found->second.waiting, std::move(request));
  if (!added) return;
  if (found->second.waiting.empty()) {
    finding_.erase(found);
    return;
  }
  store_->find(key.kind, key.id,
               [this, key](const Result<std::optional<RecipientId>>& answer) { found_in_store(key, answer); });
}

void Shard::found_in_store(const DirectoryKey& key, const Result<std::optional<RecipientId>>& found) {
  auto lookup = finding_.extract(key);
  if (lookup.empty()) return;
  auto waiting = std::move(lookup.mapped().waiting);
  if (!found) {
    for (const auto& each : waiting) reject(each.request, store_error());
    return;
  }
  if (!*found) {
    // What is there would be loaded now: the same is done for what is not, so that it takes as long.
    const auto nobody = RecipientId::from(random_.bytes(settings_.queue_id_octets));
    store_->load(*nobody, [this, waiting = std::move(waiting)](const Result<std::optional<LoadedQueue>>&) {
      for (const auto& each : waiting) reject_missing(each.request);
    });
    return;
  }
  const auto& queue = **found;
  if (!lookup.mapped().stale && home_of(queue.view()) != index_) remember(key, queue);
  for (auto& each : waiting) pass_on(queue, std::move(each.request));
}

void Shard::remember(const DirectoryKey& key, const RecipientId& queue) {
  if (settings_.resident.remembered_ids == 0) return;
  const auto [found, added] = directory_->add(key, queue);
  if (found.entry == nullptr || std::exchange(found.entry->remembered, true)) return;
  remembered_.push_back(key);
  while (remembered_.size() > settings_.resident.remembered_ids) {
    const auto* oldest = directory_->find(remembered_.front()).entry;
    if (oldest != nullptr && oldest->remembered) directory_->erase(remembered_.front());
    remembered_.pop_front();
    ++statistics_.forgotten_ids;
  }
}

// ---- queues

void Shard::locate(const RecipientId& id, Request request) {
  if (auto* queue = find(id)) return execute(queue, std::move(request));
  if (!store_.keeps_everything()) return reject_missing(request);
  const auto [lookup, added] = loading_.try_emplace(id);
  wait(lookup->second.waiting, std::move(request));
  if (!added) return;
  if (lookup->second.waiting.empty()) {
    loading_.erase(lookup);
    return;
  }
  load(id);
}

void Shard::load(const RecipientId& id) {
  loading_.at(id).issued = ++calls_;
  store_->load(id, [this, id](Result<std::optional<LoadedQueue>> found) { loaded(id, std::move(found)); });
}

void Shard::loaded(const RecipientId& id, Result<std::optional<LoadedQueue>> found) {
  const auto lookup = loading_.find(id);
  if (lookup == loading_.end()) return;
  const auto issued = lookup->second.issued;
  const bool lost = lookup->second.stale;
  auto waiting = std::move(lookup->second.waiting);
  loading_.erase(lookup);
  if (found && *found && find(id) == nullptr) insert(std::move(**found), issued).lost = lost;
  for (auto& each : waiting) {
    if (!found) {
      reject(each.request, store_error());
    } else {
      execute(find(id), std::move(each.request));
    }
  }
}

void Shard::execute(Queue* queue, Request request) {
  if (queue == nullptr) return reject_missing(request);
  const auto& command = request.received.command;
  const bool of_sender =
      !request.control && !request.visit &&
      (std::holds_alternative<command::Send>(command) || std::holds_alternative<command::Skey>(command) ||
       std::holds_alternative<command::Lkey>(command) || std::holds_alternative<command::Lget>(command) ||
       std::holds_alternative<command::Nsub>(command));
  if (queue->changing || queue->senders_wait || (queue->use().removal && !of_sender)) {
    return wait(queue->begin_use().deferred, std::move(request));
  }
  if (request.control) return run_control(*queue, request);
  if (request.visit) return run_visit(*queue, request);
  CommandRun(*this, *queue, request).run();
}

void Shard::run_visit(Queue& queue, const Request& request) {
  const auto visit = request.visit;
  if (!visit->needs_first || knows_first(queue)) return visit->run(&queue);
  load_first(queue, [visit](Queue& loaded, const Result<>&) { visit->run(&loaded); });
}

void Shard::run_deferred(const RecipientId& id) {
  auto* queue = find(id);
  if (queue == nullptr || queue->changing || queue->use().removal) return;
  queue->senders_wait = false;
  if (auto* use = queue->use_or_null()) {
    // Those that have to wait again keep their order: nothing can come between them.
    auto deferred = std::exchange(use->deferred, {});
    for (auto& each : deferred) execute(find(id), std::move(each.request));
  }
  queue = find(id);
  if (queue != nullptr) deliver_next(*queue);
}

// ---- refusals

void Shard::reject_missing(const Request& request) {
  if (request.control || request.visit) return reject(request, errors::Auth{});
  (void)verify_nothing(request.session->params(), request.received, request.session->key_or_null());
  count_refused(request);
  reject(request, errors::Auth{});
}

void Shard::reject(const Request& request, ErrorType kind) {
  if (request.visit) return request.visit->run(nullptr);
  if (!request.control) return error(request.origin(), std::move(kind));
  const bool missing = kind.is<errors::Auth>();
  finish_control(*request.control, missing ? fail(ErrorKind::not_found, "there is no such queue")
                                           : fail(ErrorKind::storage, "the store does not answer", Advice::retry));
}

void Shard::count_refused(const Request& request) {
  // The reference does not count what came through a proxy.
  if (request.forwarding) return;
  const auto& command = request.received.command;
  if (std::holds_alternative<command::Send>(command)) ++statistics_.messages_refused;
  if (std::holds_alternative<command::Sub>(command)) ++statistics_.subscriptions_refused;
  if (std::holds_alternative<command::Nsub>(command)) ++statistics_.notifier_subscriptions_refused;
  if (std::holds_alternative<command::Get>(command)) ++statistics_.gets_refused;
}

void Shard::handle(between_shards::Resolve message) { resolve(message.kind, message.id, std::move(message.request)); }
void Shard::handle(between_shards::Execute message) { locate(message.queue, std::move(message.request)); }
void Shard::handle(between_shards::Gone message) { forget_client(message.client); }

}  // namespace simplex::smp::server
