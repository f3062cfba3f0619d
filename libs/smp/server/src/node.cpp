#include "simplex/smp/server/node.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "simplex/smp/server/control.hpp"
#include "simplex/smp/server/relay_status.hpp"
#include "connection.hpp"

namespace simplex::smp::server {

Node::Node(std::size_t index, std::size_t nodes, async::Loop& loop, const NodeSettings& settings, Random& random,
           Store& store, Logger& logger, RelayLoad& load)
    : index_(index),
      loop_(loop),
      settings_(settings),
      random_(random),
      logger_(logger),
      load_(load),
      engine_settings_(settings.engine),
      store_(store, loop),
      shard_(index, nodes, engine_settings_, loop, random, store.keeps_everything() ? store_ : store) {
  // What a store's completion, which comes when it likes, sends or asks of the store again.
  shard_.on_work([this] { turn_soon(); });
}

NodeCounters& NodeCounters::operator+=(const NodeCounters& other) {
  for (auto number : {&NodeCounters::connections, &NodeCounters::failed_handshakes, &NodeCounters::dropped_handshakes,
                      &NodeCounters::timed_out_handshakes, &NodeCounters::refused, &NodeCounters::dropped_slow,
                      &NodeCounters::dropped_full, &NodeCounters::dropped_crowded, &NodeCounters::paused_pending,
                      &NodeCounters::paused_unanswered, &NodeCounters::paused_proxied, &NodeCounters::closed_inactive,
                      &NodeCounters::blocks_in, &NodeCounters::blocks_out}) {
    this->*number += other.*number;
  }
  return *this;
}

Node::~Node() { load_.connections -= connections_.size(); }

void Node::resolve_names(std::unique_ptr<NameResolver> names) {
  shard_.resolve_names(names.get());
  names_ = std::move(names);
}

void Node::route_privately(std::unique_ptr<Proxy> proxy) {
  proxy_ = std::move(proxy);
  shard_.route_privately(proxy_.get());
}

void Node::start() {
  auto interval = std::min(settings_.limits.inactive_check_interval, std::chrono::seconds(60));
  if (crowded()) interval = std::min(interval, settings_.limits.crowded_timeout);
  check_timer_ = loop_.after(interval, [this] {
    check_connections();
    turn([this] { shard_.retry(); });
    start();
  });
  if (!sweep_timer_.armed() && settings_.engine.message_ttl) {
    const auto& limits = settings_.limits;
    sweep_timer_ = loop_.after(limits.expire_on_start ? Duration(0) : limits.expiry_interval, [this] { sweep(); });
  }
  if (!notification_sweep_timer_.armed()) {
    notification_sweep_timer_ =
        loop_.after(settings_.engine.notifications.expiry_interval, [this] { sweep_notifications(); });
  }
}

void Node::accept(transport::ChannelPtr channel) {
  if (stopping_) return;
  if (load_.connections.fetch_add(1) >= settings_.limits.connections) {
    --load_.connections;
    ++counters_.refused;
    return;
  }
  if (handshaking_.size() >= settings_.limits.handshakes && !handshaking_.empty()) {
    ++counters_.dropped_handshakes;
    end_connections({*handshaking_.begin()}, true);
  }
  const auto number = next_connection_++;
  handshaking_.insert(number);
  connections_.emplace(number, std::make_unique<Connection>(*this, number, std::move(channel)));
}

void Node::receive(std::vector<ShardMessage> messages) {
  turn([&] { shard_.receive(std::move(messages)); });
}

void Node::turn_soon() {
  if (in_turn_ || std::exchange(turn_is_posted_, true)) return;
  loop_.post([this] {
    turn_is_posted_ = false;
    turn([] {});
  });
}

void Node::carry_out() {
  while (shard_.has_output() || !touched_.empty()) {
    auto output = shard_.take_output();
    for (std::size_t to = 0; to < output.to_shards.size(); ++to) {
      if (output.to_shards[to].empty()) continue;
      auto* node = nodes_[to];
      node->loop_.post(
          [node, messages = std::move(output.to_shards[to])]() mutable { node->receive(std::move(messages)); });
    }
    for (auto& what : output.to_clients) {
      const auto found = by_client_.find(what.client);
      if (found == by_client_.end()) continue;
      found->second->enqueue(std::move(what.what));
      touched_.push_back(found->second->number());
    }
    std::ranges::sort(touched_);
    const auto [first, last] = std::ranges::unique(touched_);
    touched_.erase(first, last);
    for (const auto number : std::exchange(touched_, {})) {
      const auto found = connections_.find(number);
      if (found == connections_.end() || found->second->flush()) continue;
      ++(crowded() ? counters_.dropped_crowded : counters_.dropped_full);
      found->second->abort();
      closed(*found->second);
    }
    shard_.flush();
  }
  arm_notifications();
}

// In a callback of the connection's session too: it may be destroyed there.
void Node::closed(Connection& connection) {
  const auto client = connection.client();
  if (!client) ++counters_.failed_handshakes;
  if (client) by_client_.erase(*client);
  handshaking_.erase(connection.number());
  const auto owned = connections_.extract(connection.number());
  --load_.connections;
  if (!client) return;
  const bool nested = in_turn_;
  shard_.disconnect(*client);
  if (!nested) turn([] {});
}

void Node::check_connections() {
  const auto now = loop_.now();
  const auto& limits = settings_.limits;
  std::vector<std::uint64_t> slow;
  std::vector<std::uint64_t> inactive;
  for (const auto& [number, connection] : connections_) {
    if (!connection->client()) continue;
    const auto stuck = connection->stuck_since();
    if (stuck && now - *stuck > (crowded() ? limits.crowded_timeout : limits.slow_reader_timeout)) {
      slow.push_back(number);
    } else if (limits.disconnect_inactive && now - connection->last_activity() > limits.inactive_ttl &&
               shard_.subscriptions(*connection->client()) == 0) {
      inactive.push_back(number);
    }
  }
  auto& dropped = crowded() ? counters_.dropped_crowded : counters_.dropped_slow;
  dropped += end_connections(slow, true);
  counters_.closed_inactive += end_connections(inactive, false);
}

// By number: the end of one connection may end another.
std::size_t Node::end_connections(const std::vector<std::uint64_t>& numbers, bool at_once) {
  std::size_t ended = 0;
  for (const auto number : numbers) {
    const auto found = connections_.find(number);
    if (found == connections_.end()) continue;
    auto& connection = *found->second;
    if (at_once) {
      connection.abort();
    } else {
      connection.close();
    }
    closed(connection);
    ++ended;
  }
  return ended;
}

std::vector<ClientStatus> Node::clients(std::size_t limit) const {
  std::vector<ClientStatus> made;
  const auto wall = seconds_since_epoch(loop_.wall());
  const auto ago = [&](Instant time) { return std::chrono::floor<std::chrono::seconds>(loop_.now() - time).count(); };
  for (const auto& [client, connection] : by_client_) {
    if (made.size() >= limit) break;
    made.push_back({client, connection->session_name(), wall - ago(connection->since()),
                    wall - ago(connection->last_activity()), shard_.subscriptions(client)});
  }
  return made;
}

void Node::control(QueueControl control) {
  turn([&] { shard_.control(std::move(control)); });
}

void Node::sweep() {
  turn([&] {
    shard_.expire_messages(10'000, [this](bool finished) {
      if (stopping_) return;
      const auto pause = finished ? Duration(settings_.limits.expiry_interval) : std::chrono::milliseconds(5);
      sweep_timer_ = loop_.after(pause, [this] { sweep(); });
    });
  });
}

void Node::arm_notifications() {
  if (stopping_ || delivers_notifications_ || !shard_.has_notifications_to_deliver()) return;
  delivers_notifications_ = true;
  notification_timer_ = loop_.after(settings_.engine.notifications.delivery_interval, [this] {
    delivers_notifications_ = false;
    turn([&] { shard_.deliver_notifications(); });
  });
}

void Node::sweep_notifications() {
  const bool finished = shard_.expire_notifications(10'000);
  const auto pause = finished ? Duration(settings_.engine.notifications.expiry_interval) : std::chrono::milliseconds(5);
  notification_sweep_timer_ = loop_.after(pause, [this] { sweep_notifications(); });
}

void Node::stop(Duration limit, async::Task done) {
  stopping_ = true;
  check_timer_.cancel();
  sweep_timer_.cancel();
  notification_timer_.cancel();
  notification_sweep_timer_.cancel();
  stop_by_ = loop_.now() + limit;
  stopped_ = std::move(done);
  for (const auto& [number, connection] : connections_) connection->pause();
  wait_for_end();
}

void Node::wait_for_end() {
  std::vector<std::uint64_t> idle;
  for (const auto& [number, connection] : connections_) {
    const bool answered = !connection->client() || shard_.unanswered(*connection->client()) == 0;
    if (loop_.now() >= stop_by_ || (answered && connection->idle())) idle.push_back(number);
  }
  end_connections(idle, false);
  if (connections_.empty()) {
    resolve_names(nullptr);
    route_privately(nullptr);
    return stopped_();
  }
  stop_timer_ = loop_.after(std::chrono::milliseconds(10), [this] { wait_for_end(); });
}

Restored restore(std::vector<Node*>& nodes, LoggedQueues queues, LoggedMessages messages,
                 std::optional<std::int64_t> expire_before) {
  Restored made;
  std::unordered_map<RecipientId, std::vector<MessagePtr>> by_queue;
  for (auto& queue : messages.queues) {
    const auto all = queue.messages.size();
    if (expire_before) {
      std::erase_if(queue.messages,
                    [&](const auto& message) { return !message->quota && message->sent_at < *expire_before; });
    }
    made.expired += all - queue.messages.size();
    by_queue.emplace(queue.id, std::move(queue.messages));
  }
  const auto home = [&](BytesView id) -> Shard& { return nodes[Shard::home_of(id, nodes.size())]->shard(); };
  const auto name = [&](IdKind kind, BytesView id, const RecipientId& queue) {
    home(id).restore_id(kind, *DirectoryId::from(id), queue);
  };
  for (auto& record : queues.queues) {
    const auto& id = record.recipient_id;
    name(IdKind::sender, record.sender_id.view(), id);
    if (record.link) name(IdKind::link, record.link->id.view(), id);
    if (record.notifier) name(IdKind::notifier, record.notifier->id.view(), id);
    auto found = by_queue.extract(id);
    auto kept = found.empty() ? std::vector<MessagePtr>() : std::move(found.mapped());
    made.messages += kept.size();
    ++made.queues;
    auto& shard = home(id.view());
    shard.restore(std::move(record), std::move(kept));
  }
  for (auto& [id, rest] : by_queue) made.without_queue.push_back({id, std::move(rest)});
  return made;
}

}  // namespace simplex::smp::server
