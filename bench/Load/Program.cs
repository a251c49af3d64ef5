using System.CommandLine;

using EnvPlatform.Bench.Load;
using EnvPlatform.Bench.Load.Organizations;
using EnvPlatform.Bench.Load.Policies;
using EnvPlatform.Bench.Load.Scale;

var seconds = new Option<int>("--seconds") { Description = "Seconds that each measurement runs.", DefaultValueFactory = _ => 10 };
var workers = new Option<int>("--workers") { Description = "Requests under way at once.", DefaultValueFactory = _ => 32 };
var environments = new Option<int>("--environments")
{
    Description = "Environments that are logged before activation and unchanged logs are measured.",
    DefaultValueFactory = _ => 500
};
var only = new Option<string[]>("--only")
{
    Description = "Measure these alone: new-logs, unchanged-logs, activation, bare.",
    AllowMultipleArgumentsPerToken = true,
    DefaultValueFactory = _ => []
};
var root = new RootCommand(
    "Starts the platform on loopback, puts a load on it from this process, and prints a table for docs/performance.md. Takes real "
    + "package lists from "
    + "ENVPLATFORM_DATA (default ../shared/data), or makes lists up where there are none.")
{
    seconds, workers, environments, only,
};
root.SetAction((parsed, ct) => Benchmark.RunAsync(
    new(parsed.GetValue(seconds), parsed.GetValue(workers), parsed.GetValue(environments), parsed.GetValue(only)!), ct));

var data = new Option<string>("--data")
{
    Description = "The data folder.",
    DefaultValueFactory =
        _ => Environment.GetEnvironmentVariable("ENVPLATFORM_DATA") is { Length: > 0 } given ? given : Path.Combine("..", "shared", "data"),
};
var sets = new Option<int>("--sets") { Description = "Distinct package sets that are logged.", DefaultValueFactory = _ => 10_000 };
var sizes = new Option<int[]>("--environments")
{
    Description = "Sizes of the fleet, ascending.",
    AllowMultipleArgumentsPerToken = true,
    DefaultValueFactory = _ => [100_000, 300_000],
};
var requests =
    new Option<int>("--requests") { Description = "Requests of each kind, one after the other.", DefaultValueFactory = _ => 300 };
var scale = new Command(
    "scale",
    "Starts the platform on loopback, logs package sets drawn from those of real environments, brings the fleet to its size by copies, and "
    + "measures the import "
    + "of a newer feed of advisories over it and the lists that administrators look at.")
{
    data, sets, sizes, requests,
};
scale.SetAction((parsed, ct) => ScaleBenchmark.RunAsync(
    new(parsed.GetValue(data)!, parsed.GetValue(sets), parsed.GetValue(sizes)!, parsed.GetValue(requests)), ct));
root.Subcommands.Add(scale);

var members = new Option<int>("--members") { Description = "People of the organization.", DefaultValueFactory = _ => 10_000 };
var groups = new Option<int>("--groups") { Description = "Its groups.", DefaultValueFactory = _ => 500 };
var channels = new Option<int>("--channels") { Description = "Its channels.", DefaultValueFactory = _ => 1_000 };
var organization = new Command(
    "organization", "Starts the platform on loopback, fills an organization, and measures the lists that administrators look at.")
{
    members, groups, channels, requests,
};
organization.SetAction((parsed, ct) => OrganizationBenchmark.RunAsync(
    new(parsed.GetValue(members), parsed.GetValue(groups), parsed.GetValue(channels)), parsed.GetValue(requests), ct));
root.Subcommands.Add(organization);

var size = new Option<int>("--environments") { Description = "Environments of the fleet.", DefaultValueFactory = _ => 300_000 };
var distinct = new Option<int>("--sets") { Description = "Distinct package sets.", DefaultValueFactory = _ => 10_000 };
var times = new Option<int>("--requests") { Description = "Requests of each kind, one after the other.", DefaultValueFactory = _ => 7 };
var policies = new Command(
    "policies", "Starts the platform on loopback, fills a fleet, and measures dry runs, new policies, changed sets and activation checks.")
{
    size, distinct, times, seconds, workers,
};
policies.SetAction((parsed, ct) => PolicyBenchmark.RunAsync(
    new(
        parsed.GetValue(size), parsed.GetValue(distinct), parsed.GetValue(times), parsed.GetValue(seconds), parsed.GetValue(workers)),
    ct));
root.Subcommands.Add(policies);
return await root.Parse(args).InvokeAsync();
