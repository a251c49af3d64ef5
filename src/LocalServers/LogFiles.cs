using System.Collections.Concurrent;
using System.Text.RegularExpressions;

using Aspire.Hosting.ApplicationModel;

using Microsoft.Extensions.Hosting;

namespace EnvPlatform.LocalServers;

/// <summary>
/// Writes what every process prints to <c>logs/NAME.log</c> of the data folder; the dashboard loses it when the platform ends.
/// </summary>
internal sealed partial class LogFiles(
    DataFolder folder, ResourceNotificationService resources, ResourceLoggerService loggers) : BackgroundService
{
    private const int TailLines = 20;
    private readonly ConcurrentDictionary<string, Task> _writers = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, ConcurrentQueue<string>> _tails = new(StringComparer.Ordinal);

    /// <summary>The last lines that a resource printed, without the frames of stack traces, for the message when it ends.</summary>
    public IReadOnlyCollection<string> TailOf(string resource) => _tails.TryGetValue(resource, out var tail) ? [.. tail] : [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var change in resources.WatchAsync(stoppingToken))
            {
                _ = _writers.GetOrAdd(change.ResourceId, id => WriteAsync(id, change.Resource.Name, stoppingToken));
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            await Task.WhenAll(_writers.Values);
        }
    }

    /// <summary>The escape sequences for terminal colours (ECMA-48, SGR).</summary>
    [GeneratedRegex("\e\\[[0-9;]*m", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 30_000)]
    private static partial Regex Colour();

    /// <summary>A line of a stack trace, after the timestamp that the orchestrator prepends.</summary>
    [GeneratedRegex(@"^(\S+ )?\s+at ", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 30_000)]
    private static partial Regex Frame();

    private async Task WriteAsync(string id, string name, CancellationToken ct)
    {
        var tail = _tails.GetOrAdd(name, _ => new());
        StreamWriter? file = null;
        try
        {
            await foreach (var lines in loggers.WatchAsync(id).WithCancellation(ct))
            {
                file ??= new(folder.LogFor(name), append: true);
                foreach (var line in lines)
                {
                    var text = Colour().Replace(line.Content, "");
                    await file.WriteLineAsync(text);
                    if (Frame().IsMatch(text))
                    {
                        continue;
                    }

                    tail.Enqueue(text);
                    if (tail.Count > TailLines)
                    {
                        tail.TryDequeue(out _);
                    }
                }

                await file.FlushAsync(ct);
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // The platform ends.
        }
        finally
        {
            if (file is not null)
            {
                await file.DisposeAsync();
            }
        }
    }
}
