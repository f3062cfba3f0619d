#include "http_wire.hpp"

namespace simplex::server_kit {
namespace {

class Exchange final : public HttpExchange {
 public:
  Exchange(async::Loop& loop, transport::ChannelPtr channel, HttpGet get, Done done)
      : channel_(std::move(channel)), reader_(get.max_body), done_(std::move(done)) {
    limit_ = loop.after(get.timeout, [this] { finish(fail(ErrorKind::timeout, "no answer in time", Advice::retry)); });
    channel_->start({.data = [this](BytesView octets) { received(octets); },
                     .closed = [this](const Error&) { finish(reader_.end()); },
                     .drained = {}});
    channel_->send(encode_get(get));
    for (auto& [name, value] : get.fields) wipe({reinterpret_cast<std::uint8_t*>(value.data()), value.size()});
  }

 private:
  void received(BytesView octets) {
    auto answer = reader_.feed(octets);
    if (!answer) return finish(std::unexpected(std::move(answer).error()));
    if (*answer) finish(**std::move(answer));
  }

  // The exchange may be destroyed in done.
  void finish(Result<HttpAnswer> answer) {
    limit_.cancel();
    channel_->abort();
    auto done = std::exchange(done_, nullptr);
    if (done) done(std::move(answer));
  }

  transport::ChannelPtr channel_;
  ResponseReader reader_;
  Done done_;
  async::Timer limit_;
};

}  // namespace

std::unique_ptr<HttpExchange> http_get(async::Loop& loop, transport::ChannelPtr channel, HttpGet get,
                                       HttpExchange::Done done) {
  return std::make_unique<Exchange>(loop, std::move(channel), std::move(get), std::move(done));
}

}  // namespace simplex::server_kit
