// A real connection of a test to a running relay: the event loop, and everything that is waited for with a bound.
#pragma once

#include <gtest/gtest.h>

#include "simplex/base/random.hpp"
#include "simplex/protocol/server_address.hpp"
#include "simplex/smp/client/client.hpp"
#include "simplex/transport/block_session.hpp"
#include "simplex/transport/tls.hpp"

namespace simplex::end_to_end {

class Wire {
 public:
  // Runs the loop until `finish` is called; the test fails when that does not happen in time.
  void run(const std::function<void()>& begin) {
    bool finished = false;
    loop_->post([&] { begin(); });
    const auto guard = std::make_unique<async::Timer>();
    loop_->post([&] {
      *guard = loop_->after(std::chrono::seconds(60), [this] {
        ADD_FAILURE() << "the relay did not do it in time";
        loop_->stop();
      });
    });
    on_finish_ = [&] { finished = true; };
    loop_->run();
    guard->cancel();
    EXPECT_TRUE(finished);
  }
  void finish() {
    on_finish_();
    loop_->stop();
  }

  [[nodiscard]] async::ThreadLoop& loop() { return *loop_; }
  [[nodiscard]] Random& random() { return random_; }
  [[nodiscard]] transport::Connector& connector() { return *connector_; }
  [[nodiscard]] smp::client::Dependencies dependencies() { return {*loop_, random_, log_, *connector_}; }

  [[nodiscard]] static transport::ConnectOptions options(const protocol::ServerAddress& relay,
                                                         std::vector<std::string> alpn) {
    transport::ConnectOptions made;
    made.endpoints = {{relay.hosts.front().text(), *relay.port_number()}};
    made.identity = *transport::KeyHash::from(relay.key_hash.view());
    made.alpn = std::move(alpn);
    made.timeout = std::chrono::seconds(20);
    return made;
  }

 private:
  std::unique_ptr<async::ThreadLoop> loop_ = async::make_thread_loop();
  SystemRandom random_;
  NullLogger log_;
  std::unique_ptr<transport::Connector> connector_ = transport::make_tls_connector();
  std::function<void()> on_finish_;
};

}  // namespace simplex::end_to_end
