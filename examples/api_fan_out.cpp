// SPDX-License-Identifier: MIT

/// api_fan_out: the same question for 22 keys to an HTTP API, one after the other and on eight threads.
///
/// The work waits, so threads are the right pool. The answers are taken as they complete, so a slow key holds up
/// nobody, and each is put in its key's place, so the concatenated list is the one the serial run makes. The API is a
/// small server in this program that answers after a delay and wants a token; `--url` asks another one.

#include "common.hpp"

#include <yoke/executor/thread_pool.hpp>
#include <yoke/future.hpp>
#include <yoke/future/completion.hpp>

#include <curl/curl.h>
#include <httplib.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

constexpr int key_count = 22;
constexpr int record_count = 973;

/// The API: GET /connections?id=<key> with a token yields the key's share of the records.
class api_server {
public:
    api_server(const std::string& token, std::chrono::milliseconds delay) {
        server_.new_task_queue = [] { return new httplib::ThreadPool(64); };  // one thread per connection
        server_.set_tcp_nodelay(true);
        server_.Get("/connections", [=](const httplib::Request& request, httplib::Response& response) {
            if (request.get_header_value("Authorization") != "Bearer " + token) {
                response.status = 401;
                return;
            }
            std::this_thread::sleep_for(delay);
            const int key = std::stoi(request.get_param_value("id"));
            auto connections = nlohmann::json::array();
            for (int record = key; record < record_count; record += key_count)
                connections.push_back({{"account", key}, {"record", record}});
            response.set_content(nlohmann::json{{"connections", connections}}.dump(), "application/json");
        });
        port_ = server_.bind_to_any_port("127.0.0.1");
        if (port_ < 0) throw std::runtime_error("cannot open a port of 127.0.0.1 for the API server");
        listener_ = std::thread([this] { server_.listen_after_bind(); });
    }
    ~api_server() {
        while (!server_.is_running()) std::this_thread::yield();  // stop() does nothing before that
        server_.stop();
        listener_.join();
    }

    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

private:
    httplib::Server server_;
    int port_ = 0;
    std::thread listener_;
};

using record_list = std::vector<int>;

/// Asks the API. May be used by any number of threads at once.
class api_client {
public:
    api_client(std::string url, const std::string& token)
        : url_(std::move(url)), header_("Authorization: Bearer " + token) {}

    [[nodiscard]] record_list connections(int key) const {
        const std::string url = url_ + "/connections?id=" + std::to_string(key);
        const std::string body = get(url);
        record_list records;
        try {
            const auto answer = nlohmann::json::parse(body);
            for (const auto& connection : answer.at("connections"))
                records.push_back(connection.at("record").get<int>());
        } catch (const nlohmann::json::exception& error) {
            throw std::runtime_error("GET " + url + ": " + error.what());
        }
        return records;
    }

private:
    [[nodiscard]] std::string get(const std::string& url) const {
        const std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
        const std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers(
            curl_slist_append(nullptr, header_.c_str()), curl_slist_free_all);
        std::string body;
        curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
        curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
        curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &body);
        curl_easy_setopt(
            curl.get(), CURLOPT_WRITEFUNCTION,
            +[](char* data, std::size_t, std::size_t size, std::string* to) {
                to->append(data, size);
                return size;
            });
        const CURLcode outcome = curl_easy_perform(curl.get());
        if (outcome != CURLE_OK) throw std::runtime_error("GET " + url + ": " + curl_easy_strerror(outcome));
        long status = 0;
        curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
        if (status != 200) throw std::runtime_error("GET " + url + ": HTTP status " + std::to_string(status));
        return body;
    }

    std::string url_;
    std::string header_;
};

record_list concatenated(const std::vector<record_list>& lists) {
    record_list all;
    for (const record_list& list : lists) all.insert(all.end(), list.begin(), list.end());
    return all;
}

record_list one_after_the_other(const api_client& api) {
    std::vector<record_list> lists;
    for (int key = 0; key < key_count; ++key) lists.push_back(api.connections(key));
    return concatenated(lists);
}

record_list as_completed_on(yoke::thread_pool& threads, const api_client& api) {
    std::vector<yoke::future<record_list>> pending;
    for (int key = 0; key < key_count; ++key)
        pending.push_back(threads.submit([&api, key] { return api.connections(key); }));
    std::vector<record_list> lists(pending.size());
    for (auto& done : yoke::as_completed(std::move(pending))) lists[done.index()] = done.get();
    return concatenated(lists);
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"22 keys to an HTTP API, serially and on threads as completed", "api_fan_out"};
    int delay = 50;
    std::size_t workers = 8;
    std::string token = "secret";
    std::string url;
    bool json = false;
    app.add_option("--delay-ms", delay, "how long the local server takes to answer")
        ->capture_default_str()
        ->check(CLI::Range(1, 60'000));
    app.add_option("--workers", workers, "threads")->capture_default_str()->check(CLI::Range(1, 60));
    app.add_option("--token", token, "token to send; the local server wants \"secret\"")
        ->capture_default_str();
    app.add_option("--url", url, "another server to ask, such as http://localhost:8080");
    app.add_flag("--json", json, "print the table as JSON");

    return example::run(app, argc, argv, [&] {
        curl_global_init(CURL_GLOBAL_DEFAULT);
        const api_server server("secret", std::chrono::milliseconds(delay));
        const api_client api(url.empty() ? server.url() : url, token);
        // The published API took 23.7 s for 22 calls.
        constexpr double published_serial = 23.7;
        const double scale = published_serial / key_count / (delay / 1000.0);

        example::table table("api_fan_out", json);
        record_list serial;
        const double serial_time = example::seconds_of([&] { serial = one_after_the_other(api); });
        const bool complete = !url.empty() || serial.size() == record_count;
        table.add({"one after the other", 1, "", serial_time * scale, published_serial, complete});

        record_list concurrent;
        const double concurrent_time = example::seconds_of([&] {
            yoke::thread_pool threads(workers);
            concurrent = as_completed_on(threads, api);
        });
        table.add({"threads, as completed", workers, "as completed", concurrent_time * scale, 5.85,
                   concurrent == serial});
        table.note(std::to_string(concurrent.size()) + " records from " + std::to_string(key_count) +
                   " keys; times scaled to the published time of a call");
        return table.finish();
    });
}
