using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

using Npgsql;

namespace EnvPlatform.Postgres.Refusals;

/// <summary>Keeps the refusals of the last moment when a service stops.</summary>
internal sealed partial class KeepRefusalsAtStop(KeepRefusals keep, ILogger<KeepRefusalsAtStop> log) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        try
        {
            await keep.KeepAsync(cancellationToken);
        }
        catch (Exception exception) when (exception is NpgsqlException or OperationCanceledException)
        {
            LogLost(exception.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The last refusals are not in the audit log: {Reason}")]
    private partial void LogLost(string reason);
}
