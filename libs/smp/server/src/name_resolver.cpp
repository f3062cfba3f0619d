#include "simplex/smp/server/name_resolver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <unordered_map>

#include "simplex/server_kit/http.hpp"
#include "simplex/smp/name_record.hpp"

namespace simplex::smp::server {
namespace {

using Found = Result<NameRecord, NameError>;

// Records that are larger do not fit into a block, forwarded.
constexpr std::size_t max_record = 16'000;

Found resolver_error(std::string text) { return std::unexpected(NameError(name_errors::Resolver{std::move(text)})); }

Found found_in(const Result<server_kit::HttpAnswer>& answer) {
  if (!answer) {
    switch (answer.error().kind) {
      case ErrorKind::limit: return resolver_error("response too large");
      case ErrorKind::timeout: return resolver_error("timeout");
      default: return resolver_error("transport failure");
    }
  }
  if (answer->status == 404 || answer->status == 400) return std::unexpected(NameError(name_errors::NotFound{}));
  if (answer->status >= 400) return resolver_error(fmt::format("HTTP {}", answer->status));
  auto record = parse_name_record(answer->body);
  if (!record) return resolver_error("invalid response");
  if (to_json(*record).size() > max_record) return resolver_error("response too large");
  return *std::move(record);
}

class HttpNameResolver final : public NameResolver {
 public:
  HttpNameResolver(async::Loop& loop, const NameSettings& settings, std::shared_ptr<transport::WebConnector> connector,
                   std::size_t nodes)
      : loop_(loop),
        connector_(std::move(connector)),
        endpoint_(settings.endpoint),
        host_(settings.host),
        path_(settings.path),
        authorization_(settings.authorization.clone()),
        timeout_(settings.timeout),
        max_response_(settings.max_response),
        concurrency_(std::max<std::size_t>(1, settings.concurrency / nodes)),
        max_waiting_(settings.waiting / nodes) {}

  void resolve(const SimplexDomain& name, Done done) override {
    if (const auto same = lookups_.find(name.text()); same != lookups_.end()) {
      if (callers_ >= concurrency_ + max_waiting_) return refuse(done);
      ++callers_;
      same->second->callers.push_back(std::move(done));
      return;
    }
    if (running_ >= concurrency_ && waiting_.size() >= max_waiting_) return refuse(done);
    auto lookup = std::make_unique<Lookup>();
    lookup->since = loop_.now();
    lookup->callers.push_back(std::move(done));
    ++callers_;
    lookups_.emplace(name.text(), std::move(lookup));
    if (running_ >= concurrency_) {
      waiting_.push_back(name.text());
      return;
    }
    begin(name.text());
  }
  Counters counters() const override {
    auto counted = counted_;
    counted.running = running_;
    counted.waiting = waiting_.size();
    return counted;
  }

 private:
  struct Lookup {
    Instant since;
    std::vector<Done> callers;
    std::unique_ptr<transport::Connector::Attempt> attempt;
    std::unique_ptr<server_kit::HttpExchange> exchange;
  };

  void refuse(Done& done) {
    ++counted_.refused;
    done(resolver_error("too many requests"));
  }

  void begin(const std::string& name) {
    ++running_;
    lookups_.at(name)->attempt = connector_->connect(
        loop_, endpoint_, timeout_, [this, name, began = loop_.now()](Result<transport::ChannelPtr> channel) {
          if (!channel) {
            const Result<server_kit::HttpAnswer> none = std::unexpected(std::move(channel).error());
            count(none);
            return finish(name, found_in(none));
          }
          ask(name, *std::move(channel), timeout_ - (loop_.now() - began));
        });
  }

  void ask(const std::string& name, transport::ChannelPtr channel, Duration left) {
    server_kit::HttpGet get;
    get.host = host_;
    get.target = path_ + "/resolve/" + name;  // a name has only characters that need no encoding
    get.fields.emplace_back("Accept", "application/json");
    if (!authorization_.empty())
      get.fields.emplace_back("Authorization", std::string(as_text(authorization_.reveal())));
    get.max_body = max_response_;
    get.timeout = left;
    lookups_.at(name)->exchange = server_kit::http_get(loop_, std::move(channel), std::move(get),
                                                       [this, name](Result<server_kit::HttpAnswer> answer) {
                                                         count(answer);
                                                         finish(name, found_in(answer));
                                                       });
  }

  void count(const Result<server_kit::HttpAnswer>& answer) {
    if (answer) return;
    if (answer.error().kind == ErrorKind::timeout) ++counted_.timed_out;
    if (answer.error().kind == ErrorKind::limit) ++counted_.too_large;
  }

  // In a callback of the lookup's attempt or exchange, which may be destroyed there; `name` may be a part of them.
  void finish(std::string name, const Found& found) {
    --running_;
    end(name, found);
    while (running_ < concurrency_ && !waiting_.empty()) {
      const auto next = std::exchange(waiting_.front(), {});
      waiting_.pop_front();
      if (loop_.now() - lookups_.at(next)->since >= timeout_) {
        ++counted_.timed_out;
        end(next, resolver_error("timeout"));
      } else {
        begin(next);
      }
    }
  }

  void end(const std::string& name, const Found& found) {
    const auto lookup = lookups_.extract(name);
    callers_ -= lookup.mapped()->callers.size();
    for (auto& done : lookup.mapped()->callers) done(found);
  }

  async::Loop& loop_;
  std::shared_ptr<transport::WebConnector> connector_;
  const transport::Endpoint endpoint_;
  const std::string host_;
  const std::string path_;
  const SecretBytes authorization_;
  const Duration timeout_;
  const std::size_t max_response_;
  const std::size_t concurrency_;
  const std::size_t max_waiting_;
  std::unordered_map<std::string, std::unique_ptr<Lookup>> lookups_;  // by name; running and waiting
  std::deque<std::string> waiting_;
  std::size_t running_ = 0;
  std::size_t callers_ = 0;
  Counters counted_;
};

}  // namespace

NameResolver::Counters& NameResolver::Counters::operator+=(const Counters& other) {
  running += other.running;
  waiting += other.waiting;
  refused += other.refused;
  timed_out += other.timed_out;
  too_large += other.too_large;
  return *this;
}

std::unique_ptr<NameResolver> make_name_resolver(async::Loop& loop, const NameSettings& settings,
                                                 std::shared_ptr<transport::WebConnector> connector,
                                                 std::size_t nodes) {
  return std::make_unique<HttpNameResolver>(loop, settings, std::move(connector), nodes);
}

}  // namespace simplex::smp::server
