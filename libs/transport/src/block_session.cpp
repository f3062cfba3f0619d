#include "simplex/transport/block_session.hpp"

#include <variant>

#include "simplex/crypto/keys.hpp"
#include "simplex/transport/block_coder.hpp"

namespace simplex::transport {
namespace {

class Session final : public BlockSession {
 public:
  using Handshake = std::variant<SmpClientHandshake, SmpServerHandshake>;

  Session(async::Loop& loop, ChannelPtr channel, Handshake handshake, Duration timeout, Handlers handlers)
      : channel_(std::move(channel)),
        handshake_(std::move(handshake)),
        handlers_(std::make_shared<Handlers>(std::move(handlers))),
        alive_(std::make_shared<bool>(true)) {
    timer_ = loop.after(timeout, [this] {
      finish({ErrorKind::timeout, "the peer did not finish the SMP handshake in time", Advice::retry}, How::drop);
    });
    if (const auto* server = std::get_if<SmpServerHandshake>(&*handshake_)) {
      channel_->send(plain_block(server->hello()).value());
    }
    channel_->start({.data = [this](BytesView octets) { on_data(octets); },
                     .closed = [this](Error error) { on_closed(std::move(error)); },
                     .drained =
                         [this] {
                           const auto kept = handlers_;
                           if (kept && kept->drained) kept->drained();
                         }});
  }
  ~Session() override { *alive_ = false; }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const SmpSession& session() const override { return session_.value(); }
  std::size_t max_content() const override { return coder_.max_content(); }
  std::size_t room() const override { return coder_.room(); }

  Result<> send(BytesView content) override {
    if (!open_ || !session_) return fail(ErrorKind::conflict, "the connection is not ready for blocks");
    if (content.size() > max_content()) return fail(ErrorKind::limit, "content does not fit into a block");
    Bytes block;
    block.reserve(block_size);
    block.resize(room());
    append(block, content);
    return send_in_place(std::move(block));
  }

  Result<> send_in_place(Bytes content) override {
    if (!open_ || !session_) return fail(ErrorKind::conflict, "the connection is not ready for blocks");
    SIMPLEX_ASSIGN(auto block, coder_.make(std::move(content)));
    channel_->send(std::move(block));
    return {};
  }

  std::size_t pending() const override { return channel_->pending(); }
  void pause_reading() override { channel_->pause_reading(); }
  void resume_reading() override { channel_->resume_reading(); }

  void close() override {
    end();
    channel_->close();
  }
  void abort() override {
    end();
    channel_->abort();
  }

  const ChannelInfo& channel() const override { return channel_->info(); }
  std::optional<TransportError> handshake_error() const override { return handshake_error_; }

 private:
  enum class How { close, drop };

  void end() {
    open_ = false;
    timer_.cancel();
    handlers_.reset();
  }

  // The last that the owner hears.
  void finish(Error error, How how) {
    if (!open_) return;
    const auto handlers = handlers_;
    end();
    if (how == How::close) {
      channel_->close();
    } else {
      channel_->abort();
    }
    if (handlers->closed) handlers->closed(std::move(error));
  }

  void on_closed(Error error) {
    if (!session_) error.message = "the connection ended during the SMP handshake: " + error.message;
    finish(std::move(error), How::drop);
  }

  void on_data(BytesView octets) {
    const auto alive = alive_;
    reader_.feed(octets, [this, &alive](BytesView block) {
      if (session_) {
        on_block(block);
      } else {
        on_handshake(block);
      }
      return *alive && open_;
    });
  }

  void on_block(BytesView block) {
    const auto handlers = handlers_;
    BlockCoder::Memory opened;
    const auto content = coder_.open(block, opened);
    if (!content) return bad_block(content.error());
    if (handlers->block) handlers->block(*content);
  }

  void bad_block(const Error& error) {
    if (const auto handlers = handlers_; handlers && handlers->unreadable) return handlers->unreadable();
    finish({error.kind, "the peer sent a bad block: " + error.message, Advice::retry}, How::drop);
  }

  void on_handshake(BytesView block) {
    const auto content = content_of_plain_block(block);
    if (!content) {
      handshake_error_ = TransportError::handshake_parse;
      return finish(
          {ErrorKind::malformed, "the peer's first block is not an SMP handshake: " + content.error().message},
          How::close);
    }
    auto step = std::visit([&](auto& one) { return one.receive(*content); }, *handshake_);
    if (step.send) {
      auto answer = plain_block(*step.send);
      if (!answer) return finish(answer.error(), How::close);
      channel_->send(std::move(*answer));
    }
    if (!step.outcome) return;
    if (!*step.outcome) {
      handshake_error_ = step.outcome->error().code;
      return finish(std::move(step.outcome->error().error), How::close);
    }

    session_ = std::move(**step.outcome);
    coder_ = BlockCoder(std::exchange(session_->block_keys, std::nullopt));
    handshake_.reset();
    timer_.cancel();
    const auto handlers = handlers_;
    if (handlers->ready) handlers->ready();
  }

  ChannelPtr channel_;
  std::optional<Handshake> handshake_;
  std::shared_ptr<Handlers> handlers_;
  std::shared_ptr<bool> alive_;
  async::Timer timer_;
  BlockReader reader_;
  std::optional<TransportError> handshake_error_;
  std::optional<SmpSession> session_;
  BlockCoder coder_{std::nullopt};
  bool open_ = true;
};

}  // namespace

std::unique_ptr<BlockSession> BlockSession::as_client(async::Loop& loop, ChannelPtr channel,
                                                      ClientHandshakeSettings settings,
                                                      std::optional<crypto::X25519KeyPair> key,
                                                      Duration handshake_timeout, Handlers handlers) {
  SmpClientHandshake handshake(std::move(settings), channel->info(), std::move(key));
  return std::make_unique<Session>(loop, std::move(channel), std::move(handshake), handshake_timeout,
                                   std::move(handlers));
}

std::unique_ptr<BlockSession> BlockSession::as_server(async::Loop& loop, ChannelPtr channel,
                                                      const ServerCredentials& credentials,
                                                      ServerHandshakeSettings settings, Random& random,
                                                      Duration handshake_timeout, Handlers handlers) {
  SmpServerHandshake handshake(credentials, channel->info(), crypto::generate_x25519(random), std::move(settings));
  return std::make_unique<Session>(loop, std::move(channel), std::move(handshake), handshake_timeout,
                                   std::move(handlers));
}

}  // namespace simplex::transport
