// SUBS and NSUBS: all queues of a service at once.
#include "notifiers.hpp"
#include "services.hpp"

#include "command_run.hpp"

namespace simplex::smp::server {
namespace {

constexpr std::size_t page_size = 128;

}  // namespace

void Services::subscribe_all(const Request& request, ServiceParty party, const ServiceQueues& expected) {
  const auto service = request.session->service->id();
  Counting counting{request.origin(), service, party, expected, {.count = 0, .hash = {}}, 0, false};
  if (const auto already = book().subscribed_to_all(service, request.client)) {
    ++statistics(party).sub_duplicate;
    return shard_.answer(counting.origin, broker::Soks{*already});
  }
  // A service without a queue, of which anyone can have as many as he likes.
  if (!book().is_stored(service)) return shard_.answer(counting.origin, broker::Soks{counting.sum});
  const auto token = next_token_++;
  counting.missing = shard_.shards_;
  counting_.emplace(token, std::move(counting));
  for (std::size_t shard = 0; shard < shard_.shards_; ++shard) {
    shard_.to_shard(shard, between_shards::ServiceMessage(
                               between_shards::CountServiceQueues{service, party, shard_.index_, token}));
  }
}

void Services::handle(between_shards::CountServiceQueues message) {
  index_.count(message.service, message.party,
               [this, asker = message.asker, token = message.token,
                life = std::weak_ptr(life_)](const Result<ServiceQueues>& queues) {
                 if (life.expired()) return;
                 shard_.to_shard(asker, between_shards::ServiceMessage(between_shards::ServiceQueuesCounted{
                                            token, queues ? std::optional(*queues) : std::nullopt}));
               });
}

void Services::handle(between_shards::ServiceQueuesCounted message) {
  const auto found = counting_.find(message.token);
  if (found == counting_.end()) return;
  auto& counting = found->second;
  if (message.queues) {
    counting.sum.count += message.queues->count;
    counting.sum.hash = combine(counting.sum.hash, message.queues->hash);
  } else {
    counting.failed = true;
  }
  if (--counting.missing > 0) return;
  auto complete = std::move(counting);
  counting_.erase(found);
  counted(std::move(complete));
}

void Services::counted(Counting counting) {
  const auto client = counting.origin.client;
  if (counting.failed) return shard_.error(counting.origin, store_error());
  if (!shard_.clients_.contains(client)) return;
  const auto& sum = counting.sum;
  const auto taken = book().take_all(counting.service, client, sum);
  auto& counts = statistics(counting.party);
  const auto more = sum.count - counting.expected.count;
  // Old notification servers do not say what they expect.
  if (counting.expected.count == -1 || (more == 0 && sum.hash == counting.expected.hash)) {
    ++counts.sub_ok;
  } else if (more > 0) {
    ++counts.sub_more;
    counts.sub_more_total += static_cast<std::uint64_t>(more);
  } else if (more < 0) {
    ++counts.sub_fewer;
    counts.sub_fewer_total += static_cast<std::uint64_t>(-more);
  } else {
    ++counts.sub_diff;
  }
  announce(counting.service, taken);
  shard_.answer(counting.origin, broker::Soks{sum});
  if (counting.party == ServiceParty::notifier) return;
  walks_.insert_or_assign(client, Walk{counting.service, taken.seat, 0, std::nullopt, true, false});
  walk_on(client);
}

// ---- delivery of what waits

void Services::walk_on(ClientId client) {
  if (walking_) return;  // a page of this shard was answered inside the call
  walking_ = true;
  while (true) {
    const auto found = walks_.find(client);
    if (found == walks_.end() || !found->second.ready || found->second.delayed) break;
    auto& walk = found->second;
    if (walk.shard == shard_.shards_) {
      walks_.erase(found);
      push(client, {}, broker::Alls{});
      break;
    }
    walk.ready = false;
    shard_.to_shard(walk.shard,
                    between_shards::ServiceMessage(between_shards::WalkService{walk.service, walk.seat, walk.after}));
  }
  walking_ = false;
}

// Queues of one page, on their way from the store.
struct Services::Page {
  std::size_t missing = 0;
  between_shards::ServiceWalked walked;
};

void Services::handle(between_shards::WalkService message) {
  const auto seat = message.seat;
  const auto service = message.service;
  const auto reply = [this](between_shards::ServiceWalked walked) {
    shard_.to_shard(shard_of(walked.seat.client), between_shards::ServiceMessage(std::move(walked)));
  };
  index_.page(
      service, ServiceParty::recipient, message.after, page_size,
      [this, seat, service, reply, life = std::weak_ptr(life_)](Result<std::vector<ServiceQueue>> queues) {
        if (life.expired()) return;
        const auto page = std::make_shared<Page>();
        page->walked = {service, seat, std::nullopt, true, 0, 0};
        if (!queues) {
          // What it can't be told of here comes with the next message, or the next SUBS.
          push(seat.client, {}, broker::Err{store_error()});
          return reply(page->walked);
        }
        page->walked.finished = queues->size() < page_size;
        if (!queues->empty()) page->walked.last = queues->back().queue;
        page->missing = queues->size() + 1;
        const auto done = [page, reply] {
          if (--page->missing == 0) reply(page->walked);
        };
        for (const auto& each : *queues) {
          if (!each.may_have_messages || this->seat(service).client != seat.client) {
            done();
            continue;
          }
          shard_.visit(
              each.queue,
              [this, page, done, service, seat, life](Queue* queue) {
                if (life.expired()) return;
                if (queue != nullptr && queue->record.service == service && this->seat(service).client == seat.client) {
                  if (queue->has_delivered()) {
                    ++page->walked.duplicates;
                  } else {
                    shard_.deliver_next(*queue);
                    if (queue->has_delivered()) ++page->walked.delivered;
                  }
                }
                done();
              },
              true);
        }
        done();
      });
}

void Services::handle(between_shards::ServiceWalked message) {
  const auto client = message.seat.client;
  const auto found = walks_.find(client);
  if (found == walks_.end() || found->second.seat.generation != message.seat.generation) return;
  auto& walk = found->second;
  shard_.statistics_.recipient_service_messages += message.delivered;
  shard_.statistics_.recipient_service_duplicates += message.duplicates;
  if (seat(walk.service).client != client) {
    walks_.erase(found);  // it was told ENDS
    return;
  }
  walk.ready = true;
  if (message.finished) {
    ++walk.shard;
    walk.after.reset();
  } else {
    walk.after = message.last;
  }
  // A connection sends what is short before messages: ALLS must not overtake them.
  walk.delayed = message.delivered > 0;
  walk_on(client);
}

// ---- connections that are sent much

void Services::handle(between_shards::AskCaughtUp message) {
  if (!shard_.clients_.contains(message.client)) return;
  behind_[message.client].push_back(message.asker);
}

void Services::caught_up(ClientId client) {
  if (const auto walk = walks_.find(client); walk != walks_.end() && walk->second.delayed) {
    walk->second.delayed = false;
    walk_on(client);
  }
  if (behind_.empty()) return;
  const auto waiting = behind_.extract(client);
  if (waiting.empty()) return;
  for (const auto shard : waiting.mapped()) {
    shard_.to_shard(shard, between_shards::ServiceMessage(between_shards::CaughtUp{client}));
  }
}

}  // namespace simplex::smp::server
