using System.Net.Sockets;
using System.Text;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Processes;

namespace Aspire.Hosting;

public static class RedisBuilderExtensions
{
    private static readonly TimeSpan PingPatience = TimeSpan.FromSeconds(3);

    /// <summary>A Redis server; it keeps nothing from one run to the next unless it has a data volume.</summary>
    public static IResourceBuilder<RedisResource> AddRedis(
        this IDistributedApplicationBuilder builder, string name, int? port = null, IResourceBuilder<ParameterResource>? password = null)
    {
        var secret = password?.Resource ?? ParameterResourceBuilderExtensions.CreateDefaultPasswordParameter(builder, $"{name}-password", special: false);
        var redis = new RedisResource(name, secret);
        return builder.AddResource(redis)
            .WithEndpoint(port, name: "tcp", protocol: ProtocolType.Tcp)
            .WithAnnotation(new ServerAnnotation { PrepareAsync = (setting, ct) => PrepareAsync(redis, setting, ct) })
            .WithAnnotation(new ReadinessAnnotation((_, ct) => ProbeAsync(redis, ct)));
    }

    public static IResourceBuilder<RedisResource> WithDataVolume(
        this IResourceBuilder<RedisResource> builder, string? name = null, bool isReadOnly = false) =>
        builder.WithAnnotation(new DataVolumeAnnotation(), ResourceAnnotationMutationBehavior.Replace);

    private static async Task<IReadOnlyList<ProgramStart>> PrepareAsync(RedisResource redis, ServerSetting setting, CancellationToken ct)
    {
        var data = setting.Folder.For(setting.Name, setting.KeepData);
        var settings = Path.Combine(data, "redis.conf");
        DataFolder.WritePrivate(settings, $"""
            bind 127.0.0.1
            port {redis.PrimaryEndpoint.Port}
            requirepass {await redis.PasswordParameter!.GetValueAsync(ct)}
            dir "{data}"
            save {(setting.KeepData ? "60 1" : "\"\"")}
            """);
        return [new ProgramStart(Programs.Find("redis-server", "redis-server"), [settings]) { WorkingDirectory = data }];
    }

    /// <summary>Signs in and pings.</summary>
    private static async Task<string?> ProbeAsync(RedisResource redis, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(PingPatience);
        try
        {
            using var client = new TcpClient(AddressFamily.InterNetwork);
            await client.ConnectAsync(redis.PrimaryEndpoint.Host, redis.PrimaryEndpoint.Port, limit.Token);
            var stream = client.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"AUTH {await redis.PasswordParameter!.GetValueAsync(ct)}\r\nPING\r\n"), limit.Token);
            using var reader = new StreamReader(stream);
            await reader.ReadLineAsync(limit.Token);
            return await reader.ReadLineAsync(limit.Token) is "+PONG" ? null : "does not answer PING";
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return e.Message;
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return "does not answer";
        }
    }
}
