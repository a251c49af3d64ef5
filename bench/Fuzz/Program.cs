using System.CommandLine;

using EnvPlatform.Fuzz;
using EnvPlatform.Scanner.Fuzzing;

var inputs = new Option<long>("--inputs") { Description = "Inputs for each parser.", DefaultValueFactory = _ => 10_000_000 };
var seed = new Option<int>("--seed") { Description = "With the same seed and data the inputs are the same.", DefaultValueFactory = _ => 1 };
var parsers = new Option<string[]>("--parser")
{
    Description = $"These alone: {string.Join(", ", FuzzTargets.Names)}.",
    AllowMultipleArgumentsPerToken = true,
    DefaultValueFactory = _ => FuzzTargets.Names
};
var growth = new Option<bool>("--growth")
{
    Description = "Instead, measure how the processor time grows with inputs that are made to be slow, at n, 2n, 4n and 8n."
};
var size = new Option<int>("--size") { Description = "The n of --growth, in repetitions.", DefaultValueFactory = _ => 8_192 };
var data = new Option<string?>("--data")
{
    Description = "The folder of real data that inputs are made of; without one, originals that are built in.",
    DefaultValueFactory =
        _ => Environment.GetEnvironmentVariable("ENVPLATFORM_DATA") is { Length: > 0 } given ? given : Path.Combine("..", "shared", "data"),
};
var requests = new Option<long>("--requests")
{
    Description = "Instead, the number of damaged requests to send to a platform that runs, which may be thrown away afterwards."
};
var platform = new Option<FileInfo>("--platform")
{
    Description = "The bootstrap.json of that platform.",
    DefaultValueFactory = _ => new FileInfo(Path.Combine(".data", "bootstrap.json")),
};
parsers.AcceptOnlyFromAmong(FuzzTargets.Names);
var root = new RootCommand(
    "Gives the scanner's parsers millions of damaged inputs. Ends with 1 and the shortest input that fails when one throws what it does "
    + "not declare, or breaks what it promises.")
{
    inputs, seed, parsers, growth, size, data, requests, platform,
};
root.SetAction((parsed, ct) =>
{
    if (parsed.GetValue(requests) is > 0 and var number)
    {
        return RequestRun.RunAsync(parsed.GetValue(platform)!, number, parsed.GetValue(seed), ct);
    }

    var corpus = FuzzCorpus.Read(parsed.GetValue(data));
    var targets = parsed.GetValue(parsers)!.Distinct().Select(name => FuzzTargets.Of(name, corpus));
    return Task.FromResult(parsed.GetValue(growth)
        ? Growth.Measure(targets, parsed.GetValue(size), ct)
        : LongRun.Run(targets, parsed.GetValue(inputs), parsed.GetValue(seed), ct));
});
return await root.Parse(args).InvokeAsync();
