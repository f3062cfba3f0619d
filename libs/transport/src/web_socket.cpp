#include "simplex/transport/web_socket.hpp"

#include <wslay/wslay.h>

#include <algorithm>
#include <stdexcept>

#include "web_socket_upgrade.hpp"

namespace simplex::transport {
namespace {

// What may wait for a client that is sent answers to its pings.
constexpr std::size_t max_pending_at_ping = 4 * web_socket_message;

struct ContextFree {
  void operator()(wslay_event_context* context) const noexcept { wslay_event_context_free(context); }
};

class WebSocket : public std::enable_shared_from_this<WebSocket> {
 public:
  WebSocket(async::Loop& loop, ChannelPtr inside) : loop_(loop), inside_(std::move(inside)), info_(inside_->info()) {
    const wslay_event_callbacks callbacks{
        .recv_callback = [](wslay_event_context* context, std::uint8_t* into, std::size_t size, int,
                            void* self) { return static_cast<WebSocket*>(self)->take(context, {into, size}); },
        .send_callback =
            [](wslay_event_context*, const std::uint8_t* octets, std::size_t size, int, void* self) {
              append(static_cast<WebSocket*>(self)->out_, BytesView(octets, size));
              return static_cast<ssize_t>(size);
            },
        .genmask_callback = nullptr,
        .on_frame_recv_start_callback = [](wslay_event_context*, const wslay_event_on_frame_recv_start_arg* frame,
                                           void* self) { static_cast<WebSocket*>(self)->begin_frame(frame->opcode); },
        .on_frame_recv_chunk_callback =
            [](wslay_event_context*, const wslay_event_on_frame_recv_chunk_arg* chunk, void* self) {
              static_cast<WebSocket*>(self)->hand_out({chunk->data, chunk->data_length});
            },
        .on_frame_recv_end_callback = nullptr,
        .on_msg_recv_callback = nullptr};
    wslay_event_context* made = nullptr;
    if (wslay_event_context_server_init(&made, &callbacks, this) != 0) throw std::bad_alloc();
    context_.reset(made);
    // Octets are handed on as they come; no message is collected.
    wslay_event_config_set_no_buffering(made, 1);
  }

  const ChannelInfo& info() const { return info_; }
  std::size_t pending() const { return waiting_octets_ + inside_->pending(); }

  void start(Channel::Handlers handlers) {
    handlers_ = std::make_shared<Channel::Handlers>(std::move(handlers));
    inside_->start({.data = [this](BytesView octets) { received(octets); },
                    .closed = [this](Error error) { closed(std::move(error)); },
                    .drained =
                        [this] {
                          const auto handlers = handlers_;
                          if (!upgrade_ && handlers && handlers->drained) handlers->drained();
                        }});
  }

  void send(Bytes octets) {
    if (ended_ || octets.empty()) return;
    if (!upgrade_) return send_messages(octets);
    waiting_octets_ += octets.size();
    waiting_.push_back(std::move(octets));
  }

  void pause() {
    paused_ = true;
    inside_->pause_reading();
  }
  void resume() {
    paused_ = false;
    if (held_.empty()) return inside_->resume_reading();
    loop_.post([self = shared_from_this()] {
      if (self->paused_ || self->ended_) return;
      self->received(std::exchange(self->held_, {}));
      if (self->paused_ || self->ended_) return;
      if (self->closed_) return self->closed(*std::exchange(self->closed_, std::nullopt));
      self->inside_->resume_reading();
    });
  }

  void close() {
    end_silently();
    if (!upgrade_) say_goodbye(WSLAY_CODE_NORMAL_CLOSURE);
    inside_->close();
  }
  void abort() {
    end_silently();
    inside_->abort();
  }
  // The owner is gone.
  void drop() {
    end_silently();
    inside_.reset();
  }

 private:
  // ---- what comes
  void received(BytesView octets) {
    const auto kept = shared_from_this();
    if (ended_) return;
    if (paused_) {
      append(held_, octets);
      return;
    }
    if (upgrade_) {
      auto outcome = upgrade_->feed(octets);
      if (!outcome) return;
      inside_->send(to_bytes(outcome->answer));
      if (!outcome->accepted) {
        return end({ErrorKind::malformed, "the client did not ask for a WebSocket as the port expects", Advice::retry});
      }
      octets = octets.subspan(outcome->octets);
      upgrade_.reset();
      const bool waited = std::exchange(waiting_octets_, 0) > 0;
      for (const auto& octets_before : std::exchange(waiting_, {})) send_messages(octets_before);
      if (waited && inside_->pending() == 0) tell_drained();
    }
    in_ = octets;
    while (!ended_ && !paused_ && !in_.empty()) {
      if (wslay_event_recv(context_.get()) != 0) break;
      if (bad_ || !wslay_event_get_read_enabled(context_.get())) break;
    }
    if (ended_) return;
    if (!in_.empty() && paused_) held_.assign(in_.begin(), in_.end());
    if (bad_) say_goodbye(WSLAY_CODE_UNSUPPORTED_DATA);
    answer_control_frames();
    if (ended_) return;
    if (wslay_event_get_close_received(context_.get())) {
      return end({ErrorKind::network, "the peer closed the connection", Advice::retry});
    }
    if (bad_ || !wslay_event_get_read_enabled(context_.get())) {
      end({ErrorKind::malformed, "the client broke the rules of WebSockets", Advice::retry});
    }
  }

  ssize_t take(wslay_event_context* context, std::span<std::uint8_t> into) {
    if (in_.empty() || ended_ || paused_ || bad_) {
      wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
      return -1;
    }
    const auto size = std::min(into.size(), in_.size());
    std::ranges::copy(in_.first(size), into.begin());
    in_ = in_.subspan(size);
    return static_cast<ssize_t>(size);
  }

  void begin_frame(std::uint8_t opcode) {
    control_ = wslay_is_ctrl_frame(opcode);
    if (opcode == WSLAY_TEXT_FRAME) bad_ = true;
  }

  void hand_out(BytesView octets) {
    if (control_ || bad_ || ended_ || octets.empty()) return;
    const auto handlers = handlers_;
    if (handlers && handlers->data) handlers->data(octets);
  }

  // Of what waited for the upgrade only, and then was taken at once.
  void tell_drained() {
    loop_.post([self = shared_from_this()] {
      const auto handlers = self->handlers_;
      if (handlers && handlers->drained && self->pending() == 0) handlers->drained();
    });
  }

  void answer_control_frames() {
    if (!wslay_event_want_write(context_.get())) return;
    if (inside_->pending() > max_pending_at_ping) {
      return end({ErrorKind::limit, "the client does not read the answers to its pings", Advice::retry});
    }
    write();
  }

  void closed(Error error) {
    if (!held_.empty() && !ended_) {
      closed_ = std::move(error);
      return;
    }
    end(std::move(error));
  }

  // ---- what goes
  void send_messages(BytesView octets) {
    while (!octets.empty()) {
      const auto size = std::min(octets.size(), web_socket_message);
      const wslay_event_msg message{WSLAY_BINARY_FRAME, octets.data(), size};
      if (wslay_event_queue_msg(context_.get(), &message) != 0) return;  // after a close frame
      octets = octets.subspan(size);
    }
    write();
  }

  void say_goodbye(std::uint16_t code) {
    if (wslay_event_queue_close(context_.get(), code, nullptr, 0) == 0) write();
  }

  void write() {
    wslay_event_send(context_.get());
    if (!out_.empty()) inside_->send(std::exchange(out_, {}));
  }

  // ---- the end
  void end_silently() {
    ended_ = true;
    handlers_.reset();
  }

  // The last that the owner hears.
  void end(Error error) {
    if (ended_) return;
    const auto handlers = handlers_;
    end_silently();
    inside_->close();
    if (handlers && handlers->closed) handlers->closed(std::move(error));
  }

  async::Loop& loop_;
  ChannelPtr inside_;
  const ChannelInfo info_;
  std::unique_ptr<wslay_event_context, ContextFree> context_;
  std::unique_ptr<WebSocketUpgrade> upgrade_ = std::make_unique<WebSocketUpgrade>();  // null: it is done
  std::shared_ptr<Channel::Handlers> handlers_;
  std::vector<Bytes> waiting_;  // for the upgrade
  std::size_t waiting_octets_ = 0;
  Bytes out_;
  BytesView in_;  // during received()
  Bytes held_;    // came while paused
  std::optional<Error> closed_;
  bool control_ = false;  // the frame that is being read
  bool bad_ = false;
  bool paused_ = false;
  bool ended_ = false;
};

class WebSocketChannel final : public Channel {
 public:
  explicit WebSocketChannel(std::shared_ptr<WebSocket> socket) : socket_(std::move(socket)) {}
  ~WebSocketChannel() override { socket_->drop(); }
  WebSocketChannel(const WebSocketChannel&) = delete;
  WebSocketChannel& operator=(const WebSocketChannel&) = delete;

  void start(Handlers handlers) override { socket_->start(std::move(handlers)); }
  void send(Bytes octets) override { socket_->send(std::move(octets)); }
  std::size_t pending() const override { return socket_->pending(); }
  void pause_reading() override { socket_->pause(); }
  void resume_reading() override { socket_->resume(); }
  void close() override { socket_->close(); }
  void abort() override { socket_->abort(); }
  const ChannelInfo& info() const override { return socket_->info(); }

 private:
  std::shared_ptr<WebSocket> socket_;
};

}  // namespace

ChannelPtr accept_web_socket(async::Loop& loop, ChannelPtr inside) {
  return std::make_unique<WebSocketChannel>(std::make_shared<WebSocket>(loop, std::move(inside)));
}

}  // namespace simplex::transport
