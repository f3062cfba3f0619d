#include "link.hpp"

#include <algorithm>

namespace simplex::world {

namespace {

constexpr std::size_t window = std::size_t{256} * 1024;  // octets on the way or unread, before the sender has to wait
constexpr std::size_t largest_piece = std::size_t{20} * 1024;

Error closed_by_peer() { return {ErrorKind::network, "the connection was closed by the other side", Advice::retry}; }
Error connection_lost() { return {ErrorKind::network, "the connection was lost", Advice::retry}; }

}  // namespace

Link::Link(SimNetwork& network, std::string party, std::string host, SimLoop& client, SimLoop& server)
    : network_(&network), party_(std::move(party)), host_(std::move(host)) {
  end(Side::client).loop = &client;
  end(Side::host).loop = &server;
}

transport::ChannelPtr Link::channel(Side side, transport::ChannelInfo info) {
  return std::make_unique<SimChannel>(shared_from_this(), side, std::move(info));
}

bool Link::open() const {
  return !lost_at_ && std::ranges::all_of(ends_, [](const End& each) { return each.attached && !each.end; });
}

void Link::send(Side from, BytesView octets) {
  End& sender = end(from);
  if (sender.finishing || octets.empty()) return;
  if (network_->observer_) network_->observer_(name(from), name(other(from)), octets);
  if (network_->silenced_.contains(name(from))) return;
  append(sender.pending, octets);
  schedule_transfer(from);
}

void Link::schedule_transfer(Side from) {
  End& sender = end(from);
  if (sender.transfer_scheduled) return;
  sender.transfer_scheduled = true;
  network_->air_.post([self = shared_from_this(), from] {
    self->end(from).transfer_scheduled = false;
    self->transfer(from);
  });
}

Instant Link::next_arrival(End& from) {
  from.last_arrival = std::max(from.last_arrival, network_->air_.now() + network_->draw_latency());
  return from.last_arrival;
}

void Link::transfer(Side from) {
  if (lost_at_ || network_->cut_between(party_, host_)) return;
  End& sender = end(from);
  const Side to = other(from);
  const std::size_t unread = end(to).received.size() + sender.in_flight;
  if (!sender.pending.empty() && unread < window) {
    if (network_->draw(network_->loss_)) return lose();
    std::size_t size = std::min({sender.pending.size(), window - unread, largest_piece});
    if (network_->draw(0.1)) size = 1 + network_->random_->below(size);
    const auto split = sender.pending.begin() + static_cast<std::ptrdiff_t>(size);
    Bytes piece(sender.pending.begin(), split);
    sender.pending.erase(sender.pending.begin(), split);
    sender.in_flight += size;
    const Instant at = next_arrival(sender);
    network_->at(at, [self = shared_from_this(), to, at, piece = std::move(piece)] { self->arrive(to, piece, at); });
    if (!sender.pending.empty()) return schedule_transfer(from);
    if (sender.attached && sender.handlers) {
      sender.loop->post([self = shared_from_this(), from] {
        const End& owner = self->end(from);
        if (!owner.attached || !owner.pending.empty()) return;
        if (const auto handlers = owner.handlers; handlers && handlers->drained) handlers->drained();
      });
    }
  }
  if (sender.pending.empty() && sender.finishing && !sender.finished) {
    sender.finished = true;
    network_->at(next_arrival(sender), [self = shared_from_this(), to] {
      if (self->lost_at_ || self->end(to).end) return;
      self->end(to).end = closed_by_peer();
      self->schedule_delivery(to);
    });
  }
}

void Link::arrive(Side to, BytesView octets, Instant at) {
  End& sender = end(other(to));
  End& receiver = end(to);
  sender.in_flight -= octets.size();
  if (lost_at_ && at > *lost_at_) return;
  if (receiver.attached) {
    append(receiver.received, octets);
    schedule_delivery(to);
  }
  if (!sender.pending.empty()) schedule_transfer(other(to));
}

void Link::schedule_delivery(Side to) {
  End& receiver = end(to);
  if (receiver.delivery_scheduled || !receiver.attached) return;
  receiver.delivery_scheduled = true;
  receiver.loop->post([self = shared_from_this(), to] {
    self->end(to).delivery_scheduled = false;
    self->deliver(to);
  });
}

void Link::deliver(Side to) {
  End& receiver = end(to);
  if (!receiver.attached || !receiver.reading || !receiver.handlers) return;
  const auto handlers = receiver.handlers;  // the owner may drop the channel in a handler
  if (!receiver.received.empty()) {
    const Bytes octets = std::exchange(receiver.received, {});
    schedule_transfer(other(to));
    if (receiver.end) schedule_delivery(to);
    if (handlers->data) handlers->data(octets);
  } else if (receiver.end && !receiver.ended) {
    receiver.ended = true;
    if (handlers->closed) handlers->closed(*receiver.end);
  }
}

void Link::finish(Side from) {
  End& sender = end(from);
  sender.attached = false;
  sender.received.clear();
  if (sender.finishing) return;
  sender.finishing = true;
  schedule_transfer(from);
}

void Link::detach(Side side) {
  End& owner = end(side);
  if (!owner.finishing) owner.pending.clear();  // what a killed process had not yet handed over is gone
  finish(side);
  owner.handlers = nullptr;
  owner.loop = nullptr;
}

void Link::lose() {
  if (lost_at_) return;
  ++network_->lost_;
  lost_at_ = network_->air_.now() + network_->draw_latency();
  for (const Side side : {Side::client, Side::host}) {
    network_->at(*lost_at_ + network_->draw_latency(), [self = shared_from_this(), side] {
      if (self->end(side).end) return;
      self->end(side).end = connection_lost();
      self->schedule_delivery(side);
    });
  }
}

void Link::wake() {
  schedule_transfer(Side::client);
  schedule_transfer(Side::host);
}

void SimChannel::start(Handlers handlers) {
  Link::End& end = link_->end(side_);
  end.handlers = std::make_shared<Handlers>(std::move(handlers));
  if (!end.received.empty() || end.end) link_->schedule_delivery(side_);
}

void SimChannel::send(Bytes octets) { link_->send(side_, octets); }

std::size_t SimChannel::pending() const { return link_->end(side_).pending.size(); }

void SimChannel::pause_reading() { link_->end(side_).reading = false; }

void SimChannel::resume_reading() {
  link_->end(side_).reading = true;
  link_->schedule_delivery(side_);
}

void SimChannel::close() { link_->finish(side_); }

void SimChannel::abort() {
  link_->end(side_).pending.clear();
  link_->finish(side_);
}

}  // namespace simplex::world
