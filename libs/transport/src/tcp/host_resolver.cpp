#include "simplex/transport/host_resolver.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>

namespace simplex::transport {
namespace {

// Of the system's resolver: seconds until a name server is asked again, and how often it is asked.
constexpr int server_timeout = 2;
constexpr int server_tries = 2;

Error resolve_error(int code) {
  if (code == EAI_NONAME || code == EAI_NODATA) return {ErrorKind::network, "no such host name (DNS)", Advice::retry};
  return {ErrorKind::network, std::string("the host name can't be resolved (DNS): ") + ::gai_strerror(code),
          Advice::retry};
}

std::optional<HostAddress> address_in(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in ipv4{};
    std::memcpy(&ipv4, address, sizeof ipv4);
    HostAddress made{Bytes(4), 0};
    std::memcpy(made.octets.data(), &ipv4.sin_addr, 4);
    return made;
  }
  if (address->sa_family != AF_INET6) return std::nullopt;
  sockaddr_in6 ipv6{};
  std::memcpy(&ipv6, address, sizeof ipv6);
  HostAddress made{Bytes(16), ipv6.sin6_scope_id};
  std::memcpy(made.octets.data(), &ipv6.sin6_addr, 16);
  return made;
}

// What is set for all programs may be several minutes for a name. Read each time, as it changes with the network.
void limit_resolver_of_this_thread() {
  if (::res_init() != 0) return;
  _res.retrans = std::min(_res.retrans, server_timeout);
  _res.retry = std::min(_res.retry, server_tries);
}

Result<std::vector<HostAddress>> ask_system(const std::string& host) {
  limit_resolver_of_this_thread();
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
  if (code != 0) return std::unexpected(resolve_error(code));
  std::vector<HostAddress> made;
  for (const auto* each = found; each != nullptr; each = each->ai_next) {
    if (auto address = address_in(each->ai_addr)) made.push_back(*std::move(address));
  }
  return made;
}

struct Job {
  std::string host;
  async::Loop* loop = nullptr;  // null when nobody waits any more; under the mutex
  // On the loop only:
  HostResolver::Done done;
  async::Timer limit;

  void finish(Result<std::vector<HostAddress>> result) {
    limit.cancel();
    if (auto call = std::exchange(done, nullptr)) call(std::move(result));
  }
};
using JobPtr = std::shared_ptr<Job>;

// The threads, and what they do next.
class Pool {
 public:
  Pool(std::size_t threads, std::size_t waiting, BlockingLookup look_up)
      : max_threads_(std::max<std::size_t>(threads, 1)), max_waiting_(waiting), look_up_(std::move(look_up)) {}

  // False when too many wait.
  bool add(const JobPtr& job) {
    const std::lock_guard lock(mutex_);
    if (stopping_ || (waiting_.size() >= idle_ && !start_thread() && waiting_.size() >= max_waiting_)) return false;
    waiting_.push_back(job);
    wake_.notify_one();
    return true;
  }
  // After this the job's loop is not touched.
  void give_up(const JobPtr& job) {
    const std::lock_guard lock(mutex_);
    job->loop = nullptr;
    std::erase(waiting_, job);
  }
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      waiting_.clear();
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

 private:
  bool start_thread() {
    if (threads_.size() >= max_threads_) return false;
    try {
      threads_.emplace_back([this] { work(); });
      ++idle_;
      return true;
    } catch (const std::system_error&) {  // there are no more: the others have to do
      return false;
    }
  }

  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (stopping_) return;
      const auto job = std::move(waiting_.front());
      waiting_.pop_front();
      --idle_;
      lock.unlock();
      auto found = look_up_(job->host);
      lock.lock();
      ++idle_;
      // Under the mutex: the loop may end when the lookup was dropped.
      if (job->loop == nullptr) continue;
      job->loop->post([job, found = std::move(found)]() mutable { job->finish(std::move(found)); });
    }
  }

  const std::size_t max_threads_;
  const std::size_t max_waiting_;
  const BlockingLookup look_up_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::size_t idle_ = 0;  // threads that have nothing to do
  std::deque<JobPtr> waiting_;
  std::vector<std::thread> threads_;
};

class PoolLookup final : public HostResolver::Lookup {
 public:
  PoolLookup(std::shared_ptr<Pool> pool, JobPtr job) : pool_(std::move(pool)), job_(std::move(job)) {}
  ~PoolLookup() override {
    job_->done = nullptr;
    job_->limit.cancel();
    pool_->give_up(job_);
  }
  PoolLookup(const PoolLookup&) = delete;
  PoolLookup& operator=(const PoolLookup&) = delete;

 private:
  std::shared_ptr<Pool> pool_;
  JobPtr job_;
};

class PoolResolver final : public HostResolver {
 public:
  PoolResolver(HostResolverSettings settings, BlockingLookup look_up)
      : timeout_(settings.timeout),
        pool_(std::make_shared<Pool>(settings.threads, settings.waiting, std::move(look_up))) {}
  ~PoolResolver() override { pool_->stop(); }
  PoolResolver(const PoolResolver&) = delete;
  PoolResolver& operator=(const PoolResolver&) = delete;

  std::unique_ptr<Lookup> resolve(async::Loop& loop, std::string host, Done done) override {
    auto job = std::make_shared<Job>();
    job->host = std::move(host);
    job->loop = &loop;
    job->done = std::move(done);
    job->limit = loop.after(timeout_, [weak = std::weak_ptr(job), pool = pool_] {
      const auto late = weak.lock();
      if (!late) return;
      pool->give_up(late);
      late->finish(fail(ErrorKind::timeout, "the host name can't be resolved (DNS): no answer in time", Advice::retry));
    });
    auto lookup = std::make_unique<PoolLookup>(pool_, job);
    if (!pool_->add(job)) {
      loop.post([weak = std::weak_ptr(job)] {
        if (const auto refused = weak.lock()) {
          refused->finish(fail(ErrorKind::limit, "too many host names are being resolved", Advice::retry));
        }
      });
    }
    return lookup;
  }

 private:
  const Duration timeout_;
  const std::shared_ptr<Pool> pool_;
};

}  // namespace

BlockingLookup system_lookup() { return ask_system; }

std::shared_ptr<HostResolver> make_host_resolver(HostResolverSettings settings, BlockingLookup look_up) {
  return std::make_shared<PoolResolver>(settings, std::move(look_up));
}

}  // namespace simplex::transport
