// Names that are slow, many, or given up; no name server is asked.
#include "simplex/transport/host_resolver.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

#include "simplex/transport/tls.hpp"
#include "support.hpp"

namespace simplex::transport {
namespace {

using Found = Result<std::vector<HostAddress>>;
using ::testing::HasSubstr;

// Names are answered at once, but for those that begin with "slow": these wait until they are let go.
class Names {
 public:
  ~Names() { let_go(); }
  BlockingLookup lookup() {
    return [this](const std::string& host) -> Found {
      std::unique_lock lock(mutex_);
      asked_.insert(host);
      if (host.starts_with("slow")) released_.wait(lock, [this] { return let_go_; });
      if (host.starts_with("none")) return fail(ErrorKind::network, "no such host name (DNS)", Advice::retry);
      return std::vector{HostAddress{{127, 0, 0, 1}, 0}};
    };
  }
  void let_go() {
    const std::lock_guard lock(mutex_);
    let_go_ = true;
    released_.notify_all();
  }
  std::multiset<std::string> asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable released_;
  bool let_go_ = false;
  std::multiset<std::string> asked_;
};

class HostResolving : public ::testing::Test {
 protected:
  void make(HostResolverSettings settings) { resolver_ = make_host_resolver(settings, names_.lookup()); }
  void ask(const std::string& host) {
    lookups_[host] = resolver_->resolve(*loop_, host, [this, host](Found found) {
      EXPECT_TRUE(loop_->on_loop_thread());
      EXPECT_TRUE(found_.emplace(host, std::move(found)).second) << host;
    });
    EXPECT_FALSE(found_.contains(host));
  }
  [[nodiscard]] bool known(const std::string& host) {
    return run_until(*loop_, [&] { return found_.contains(host); });
  }

  std::unique_ptr<async::ThreadLoop> loop_ = async::make_thread_loop();
  Names names_;
  std::shared_ptr<HostResolver> resolver_;
  std::map<std::string, std::unique_ptr<HostResolver::Lookup>> lookups_;
  std::map<std::string, Found> found_;
};

TEST_F(HostResolving, ASlowNameDoesNotHoldUpOthers) {
  make({.threads = 4, .waiting = 100, .timeout = 10s});
  for (int i = 0; i < 3; ++i) ask("slow" + std::to_string(i));
  for (int i = 0; i < 20; ++i) ask("quick" + std::to_string(i));
  ask("none");
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(known("quick" + std::to_string(i)));
  EXPECT_EQ(found_.at("quick3").value(), (std::vector{HostAddress{{127, 0, 0, 1}, 0}}));
  ASSERT_TRUE(known("none"));
  EXPECT_EQ(found_.at("none").error().kind, ErrorKind::network);
  EXPECT_FALSE(found_.contains("slow0"));
  names_.let_go();
  EXPECT_TRUE(known("slow0"));
  EXPECT_TRUE(known("slow2"));
}

TEST_F(HostResolving, ANameThatTakesTooLongIsATimeoutAlsoWhenItWaitsForAThread) {
  make({.threads = 1, .waiting = 10, .timeout = 20ms});
  ask("slow");
  ask("quick");
  ASSERT_TRUE(known("slow") && known("quick"));
  EXPECT_EQ(found_.at("slow").error().kind, ErrorKind::timeout);
  EXPECT_EQ(found_.at("quick").error().kind, ErrorKind::timeout);
  EXPECT_THAT(found_.at("slow").error().message, HasSubstr("DNS"));
  names_.let_go();
  lookups_.clear();
  resolver_.reset();
  EXPECT_FALSE(names_.asked().contains("quick")) << "nobody waited for it any more";
}

TEST_F(HostResolving, NoMoreNamesWaitThanMay) {
  make({.threads = 2, .waiting = 3, .timeout = 10s});
  ask("slow0");
  ask("slow1");
  ASSERT_TRUE(run_until(*loop_, [&] { return names_.asked().size() == 2; }));
  for (int i = 0; i < 1'000; ++i) ask("more" + std::to_string(i));
  ASSERT_TRUE(known("more999"));
  EXPECT_EQ(found_.size(), 997U);
  EXPECT_EQ(found_.at("more999").error().kind, ErrorKind::limit);
  EXPECT_FALSE(found_.contains("more0"));
  names_.let_go();
  EXPECT_TRUE(known("more0") && known("more2"));
}

TEST_F(HostResolving, DroppedLookupsAreSilentAndMayOutliveTheResolver) {
  make({.threads = 1, .waiting = 10, .timeout = 10s});
  ask("slow");
  ask("quick");
  ASSERT_TRUE(run_until(*loop_, [&] { return names_.asked().contains("slow"); }));
  lookups_.erase("slow");
  names_.let_go();
  ASSERT_TRUE(known("quick"));
  EXPECT_FALSE(found_.contains("slow"));
  ask("another");
  resolver_.reset();
  lookups_.clear();
  EXPECT_TRUE(run_until(*loop_, [] { return true; }));
}

TEST_F(HostResolving, TheSystemKnowsThisMachine) {
  resolver_ = make_host_resolver();
  ask("localhost");
  ask("127.0.0.1");
  ask("::1");
  ASSERT_TRUE(known("localhost") && known("127.0.0.1") && known("::1"));
  ASSERT_TRUE(found_.at("localhost")) << found_.at("localhost").error().message;
  EXPECT_EQ(found_.at("127.0.0.1").value().at(0), (HostAddress{{127, 0, 0, 1}, 0}));
  EXPECT_EQ(found_.at("::1").value().at(0), (HostAddress{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 0}));
}

TEST_F(HostResolving, AConnectorUsesIt) {
  make({.threads = 2, .waiting = 10, .timeout = 10s});
  const auto connector = make_tls_connector(
      {.keep_alive = {}, .versions = {}, .network = {}, .credentials = nullptr, .resolver = resolver_});
  std::vector<ChannelPtr> accepted;
  ListenSettings listen;
  listen.addresses = {{"127.0.0.1", 0}};
  const auto listener =
      listen_tls(*loop_, test_credentials(), listen,
                 {.accepted = [&](ChannelPtr channel) { accepted.push_back(std::move(channel)); }, .refused = {}})
          .value();
  const auto port = listener->ports().at(0);
  std::map<std::string, Result<ChannelPtr>> made;
  std::vector<std::unique_ptr<Connector::Attempt>> attempts;
  const auto connect = [&](std::vector<Endpoint> endpoints, bool public_only) {
    ConnectOptions options{endpoints, test_credentials().identity, {"smp/1"}, 10s};
    options.public_addresses_only = public_only;
    attempts.push_back(
        connector->connect(*loop_, options, [&made, name = endpoints.front().host](Result<ChannelPtr> channel) {
          made.emplace(name, std::move(channel));
        }));
  };
  connect({{"slow.example", port}}, false);
  connect({{"relay.example", port}}, false);
  connect({{"none.example", port}, {"relay.example", port}}, false);
  connect({{"private.example", port}}, true);
  ASSERT_TRUE(run_until(*loop_, [&] { return made.size() == 3; }));
  EXPECT_TRUE(made.at("relay.example"));
  EXPECT_TRUE(made.at("none.example")) << "the next host was tried";
  EXPECT_EQ(made.at("private.example").error().kind, ErrorKind::unsupported) << "the name leads to this machine";
  attempts.clear();
  names_.let_go();
  EXPECT_FALSE(made.contains("slow.example"));
}

}  // namespace
}  // namespace simplex::transport
