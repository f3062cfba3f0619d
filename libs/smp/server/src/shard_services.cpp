// The shard's part in notifications and services.
#include "simplex/smp/server/shard.hpp"

#include "directory.hpp"
#include "notifiers.hpp"
#include "queue_visit.hpp"
#include "services.hpp"

namespace simplex::smp::server {
namespace {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

template <class Message>
constexpr bool is_for_notifiers =
    std::is_same_v<Message, between_shards::Notify> || std::is_same_v<Message, between_shards::SubscribeNotifier> ||
    std::is_same_v<Message, between_shards::NotifierGone> || std::is_same_v<Message, between_shards::FindNotifier> ||
    std::is_same_v<Message, between_shards::NotifierFound> || std::is_same_v<Message, between_shards::CaughtUp>;

}  // namespace

void Shard::handle(between_shards::ServiceMessage message) {
  std::visit(
      [this]<class Message>(Message& specific) {
        if constexpr (is_for_notifiers<Message>) {
          notifiers_->handle(std::move(specific));
        } else {
          services_->handle(std::move(specific));
        }
      },
      message);
}

void Shard::visit(const RecipientId& queue, std::move_only_function<void(Queue*)> then, bool needs_first) {
  Request request;
  request.visit = std::make_shared<QueueVisit>(std::move(then), needs_first);
  locate(queue, std::move(request));
}

void Shard::find_queue(IdKind kind, const DirectoryId& id,
                       std::move_only_function<void(Result<std::optional<RecipientId>>)> then) {
  if (const auto found = directory_->find({kind, id})) return then(std::optional(found.queue()));
  store_->find(kind, id, std::move(then));
}

bool Shard::has_notifications_to_deliver() const { return notifiers_->has_deliverable(); }
void Shard::deliver_notifications() { notifiers_->deliver(); }
bool Shard::expire_notifications(std::size_t notifiers) { return notifiers_->expire(notifiers); }
void Shard::restore(NotificationLine notification) { notifiers_->restore(std::move(notification)); }
void Shard::for_each_notification(const std::function<void(const NotifierId&, const Notification&)>& visit) const {
  notifiers_->for_each(visit);
}
std::size_t Shard::notification_count() const { return notifiers_->pending(); }
std::size_t Shard::notifier_subscriptions() const { return notifiers_->subscribed(); }

}  // namespace simplex::smp::server
