using System.CommandLine;

using EnvPlatform.Bench.Load;

var seconds = new Option<int>("--seconds") { Description = "Seconds that each measurement runs.", DefaultValueFactory = _ => 10 };
var workers = new Option<int>("--workers") { Description = "Requests under way at once.", DefaultValueFactory = _ => 32 };
var environments = new Option<int>("--environments") { Description = "Environments that are logged before activation and unchanged logs are measured.", DefaultValueFactory = _ => 500 };
var only = new Option<string[]>("--only") { Description = "Measure these alone: new-logs, unchanged-logs, activation, bare.", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [] };
var root = new RootCommand(
    "Starts the platform on loopback, puts a load on it from this process, and prints a table for docs/performance.md. Takes real package lists from "
    + "ENVPLATFORM_DATA (default ../shared/data), or makes lists up where there are none.")
{
    seconds, workers, environments, only,
};
root.SetAction((parsed, ct) => Benchmark.RunAsync(
    new(parsed.GetValue(seconds), parsed.GetValue(workers), parsed.GetValue(environments), parsed.GetValue(only)!), ct));
return await root.Parse(args).InvokeAsync();
