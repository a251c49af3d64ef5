using EnvPlatform.Contracts.Ingest;

using Grpc.Core;

using Polly;
using Polly.Retry;

namespace EnvPlatform.Scanner.Scans;

/// <summary>Fetches package sets from Ingest, which numbers and stores them; waits while Ingest is unavailable.</summary>
internal sealed partial class PackageSetSource
{
    private const int Parallel = 4;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private readonly PackageSets.PackageSetsClient _ingest;
    private readonly TimeProvider _clock;
    private readonly ILogger<PackageSetSource> _log;
    private readonly ResiliencePipeline _patience;

    public PackageSetSource(PackageSets.PackageSetsClient ingest, TimeProvider clock, ILogger<PackageSetSource> log)
    {
        (_ingest, _clock, _log) = (ingest, clock, log);
        _patience = new ResiliencePipelineBuilder { TimeProvider = clock }
            .AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = new PredicateBuilder()
                    .Handle<RpcException>(exception => exception.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded),
                MaxRetryAttempts = int.MaxValue,
                Delay = Pause,
                OnRetry = retry =>
                {
                    LogAway(((RpcException)retry.Outcome.Exception!).Status.Detail);
                    return ValueTask.CompletedTask;
                },
            })
            .Build();
    }

    /// <summary>The packages of each set, in ascending order of their ids; a set that Ingest does not have is left out.</summary>
    public async Task<Dictionary<long, List<LoggedPackage>>> FetchAsync(IEnumerable<long> sets, CancellationToken ct)
    {
        var fetched = new Dictionary<long, List<LoggedPackage>>();
        foreach (var some in sets.Distinct().Chunk(Parallel))
        {
            var packages = await Task.WhenAll(some.Select(set => FetchAsync(set, ct)));
            for (var i = 0; i < some.Length; i++)
            {
                if (packages[i] is { } known)
                {
                    fetched.Add(some[i], known);
                }
            }
        }

        return fetched;
    }

    private async Task<List<LoggedPackage>?> FetchAsync(long set, CancellationToken ct)
    {
        try
        {
            return await _patience.ExecuteAsync(async token => await StreamAsync(set, token), ct);
        }
        catch (RpcException exception) when (exception.StatusCode is StatusCode.NotFound)
        {
            LogUnknown(set);
            return null;
        }
    }

    private async Task<List<LoggedPackage>> StreamAsync(long set, CancellationToken ct)
    {
        using var call = _ingest.GetPackageSet(
            new GetPackageSetRequest { PackageSetId = set }, deadline: _clock.GetUtcNow().UtcDateTime + Deadline, cancellationToken: ct);
        var packages = new List<LoggedPackage>();
        while (await call.ResponseStream.MoveNext(ct))
        {
            packages.AddRange(call.ResponseStream.Current.Packages.Select(package => new LoggedPackage(
                package.PackageId, package.Manager, package.Channel, package.Subdir, package.Name, package.Version, package.Build)));
        }

        packages.Sort((a, b) => a.PackageId.CompareTo(b.PackageId));
        return packages;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Ingest has no package set {Set}; its environments cannot be scanned")]
    private partial void LogUnknown(long set);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Waiting for Ingest to send a package set: {Reason}")]
    private partial void LogAway(string reason);
}
