using System.Net.Sockets;
using System.Text;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Processes;

namespace Aspire.Hosting;

public static class RabbitMQBuilderExtensions
{
    private static readonly TimeSpan HelloPatience = TimeSpan.FromSeconds(3);

    /// <summary>A RabbitMQ server. Its data last as long as the application unless it has a data volume.</summary>
    public static IResourceBuilder<RabbitMQServerResource> AddRabbitMQ(
        this IDistributedApplicationBuilder builder, string name, IResourceBuilder<ParameterResource>? userName = null,
        IResourceBuilder<ParameterResource>? password = null, int? port = null)
    {
        var secret = password?.Resource ?? ParameterResourceBuilderExtensions.CreateDefaultPasswordParameter(builder, $"{name}-password", special: false);
        var server = new RabbitMQServerResource(name, userName?.Resource, secret);
        var program = new RabbitMQProgram(server);
        return builder.AddResource(server)
            .WithEndpoint(port, name: "tcp", scheme: "tcp", protocol: ProtocolType.Tcp)
            .WithAnnotation(new ServerAnnotation { PrepareAsync = program.PrepareAsync })
            .WithAnnotation(new ReadinessAnnotation((_, ct) => ProbeAsync(server.PrimaryEndpoint.Port, ct)));
    }

    public static IResourceBuilder<RabbitMQServerResource> WithDataVolume(
        this IResourceBuilder<RabbitMQServerResource> builder, string? name = null, bool isReadOnly = false) =>
        builder.WithAnnotation(new DataVolumeAnnotation(), ResourceAnnotationMutationBehavior.Replace);

    /// <summary>A broker that is ready answers the protocol header with a frame (type 1) that starts the connection (AMQP 0-9-1, 4.2.2).</summary>
    private static async Task<string?> ProbeAsync(int port, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(HelloPatience);
        try
        {
            using var client = new TcpClient(AddressFamily.InterNetwork);
            await client.ConnectAsync(EndpointHost, port, limit.Token);
            var stream = client.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes("AMQP\0\0\u0009\u0001"), limit.Token);
            var answer = new byte[1];
            await stream.ReadExactlyAsync(answer, limit.Token);
            return answer[0] == 1 ? null : "does not answer the AMQP 0-9-1 header";
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

    private const string EndpointHost = "127.0.0.1";
}
