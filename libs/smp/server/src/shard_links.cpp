// Data of links: of the memory store in memory, else read when somebody asks for it.
#include <algorithm>

#include "simplex/smp/server/shard.hpp"
#include "command_run.hpp"
#include "waiting.hpp"

namespace simplex::smp::server {
namespace {

// What a read may bring: no more than a block, in which it came.
constexpr std::size_t most_octets = 16'384;

}  // namespace

void Shard::answer_link(const Origin& origin, const Queue& queue) {
  const auto asks_for = [origin](const LinkData& link) {
    return std::ranges::equal(link.id.view(), origin.entity_id.view());
  };
  const auto& link = queue.record.link;
  if (!link || !asks_for(*link)) return error(origin, errors::Auth{});
  const auto answer_with = [this, origin, sender = protocol::SenderId(queue.record.sender_id.view())](
                               const std::shared_ptr<const LinkData>& data) {
    answer(origin, broker::Lnk{sender, QueueLinkData{Content(data->fixed), Content(data->user)}}, 0, data);
  };
  if (!resident_) return answer_with(link);
  // Links, which strangers may ask for, leave most of the room to the commands of queues.
  auto place = waiting_room_->enter(most_octets, settings_.resident.waiting_octets / 4);
  if (!place) {
    ++statistics_.refused_waiting;
    return error(origin, store_error());
  }
  store_->load_link(queue.record.recipient_id, [this, origin, asks_for, answer_with,
                                                place = *std::move(place)](Result<std::optional<LinkData>> found) {
    if (!found) return error(origin, store_error());
    // It was deleted meanwhile.
    if (!*found || !asks_for(**found)) return error(origin, errors::Auth{});
    answer_with(std::make_shared<const LinkData>(std::move(**found)));
  });
}

}  // namespace simplex::smp::server
