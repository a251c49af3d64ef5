using System.CommandLine;

using EnvPlatform.Bench.Matching;

var seconds = new Option<int>("--seconds") { Description = "Seconds that each way of matching runs.", DefaultValueFactory = _ => 5 };
var data = new Option<string>("--data")
{
    Description = "The data folder.",
    DefaultValueFactory =
        _ => Environment.GetEnvironmentVariable("ENVPLATFORM_DATA") is { Length: > 0 } given ? given : Path.Combine("..", "shared", "data"),
};
var feed =
    new Option<string>("--feed") { Description = "The OSV archive in the folder's advisories.", DefaultValueFactory = _ => "pypa-osv.zip" };
var root = new RootCommand(
    "Reads a feed of advisories, builds the index, and matches the packages of real environments against it on one core: with the "
    + "index, and with a "
    + "straightforward loop over the advisories of a package's name. Prints a table for docs/performance.md.")
{
    seconds, data, feed,
};
root.SetAction(parsed => Benchmark.Run(parsed.GetValue(data)!, parsed.GetValue(feed)!, TimeSpan.FromSeconds(parsed.GetValue(seconds))));
return root.Parse(args).Invoke();
