// The owner's end of a stream, with TLS or without. Dropping it drops the stream, which ends by itself what it has begun.
#pragma once

#include "simplex/transport/channel.hpp"

namespace simplex::transport {

template <class Stream>
class StreamChannel final : public Channel {
 public:
  explicit StreamChannel(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {}
  ~StreamChannel() override { stream_->drop(); }
  StreamChannel(const StreamChannel&) = delete;
  StreamChannel& operator=(const StreamChannel&) = delete;

  void start(Handlers handlers) override { stream_->start(std::move(handlers)); }
  void send(Bytes octets) override { stream_->send(std::move(octets)); }
  std::size_t pending() const override { return stream_->pending(); }
  void pause_reading() override { stream_->pause(true); }
  void resume_reading() override { stream_->pause(false); }
  void close() override { stream_->close(); }
  void abort() override { stream_->abort(); }
  const ChannelInfo& info() const override { return stream_->info(); }

 private:
  std::shared_ptr<Stream> stream_;
};

}  // namespace simplex::transport
