using Grpc.Core;
using Grpc.Core.Wire;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Grpc.AspNetCore.Server.Internal;

/// <summary>Takes a request through its call: check, read the request, run the handler, end.</summary>
internal abstract class CallHandler<TService, TRequest, TResponse>(
    Method<TRequest, TResponse> method, ServiceActivator<TService> activator, GrpcServiceOptions options, ILogger logger)
    where TService : class
    where TRequest : class
    where TResponse : class
{
    protected Method<TRequest, TResponse> Method { get; } = method;

    protected GrpcServiceOptions Options { get; } = options;

    public async Task HandleAsync(HttpContext context)
    {
        if (GrpcRequest.Refuse(context))
            return;
        await using var call = new ServerCall(context, Method, Options, logger);
        try
        {
            var request = await call.CreateReader(Method.RequestMarshaller.ContextualDeserializer).ReadSingleAsync(call.CancellationToken)
                ?? throw new RpcException(new Status(StatusCode.Internal, "Incomplete message."));
            var (service, owned) = activator.Create(context.RequestServices);
            Func<ValueTask>? writeResponse;
            try
            {
                writeResponse = await InvokeAsync(service, request, call);
            }
            finally
            {
                if (owned)
                    await ServiceActivator<TService>.ReleaseAsync(service);
            }

            await call.EndAsync(writeResponse);
        }
        catch (Exception exception)
        {
            await call.EndAsync(exception);
        }
    }

    /// <summary>Runs the handler; what it gives back writes the response of a unary call.</summary>
    protected abstract Task<Func<ValueTask>?> InvokeAsync(TService service, TRequest request, ServerCall call);

    /// <summary>Puts the message into the buffer of the response; the headers go first.</summary>
    protected async ValueTask WriteAsync(ServerCall call, MessageWriter writer, TResponse message)
    {
        if (!call.HttpContext.Response.HasStarted)
            await call.HttpContext.Response.StartAsync(CancellationToken.None);
        writer.Write(message, Method.ResponseMarshaller.ContextualSerializer);
    }

    protected MessageWriter CreateWriter(ServerCall call) => new(call.HttpContext.Response.BodyWriter, Options.MaxSendMessageSize);
}

internal sealed class UnaryHandler<TService, TRequest, TResponse>(
    Method<TRequest, TResponse> method, Func<TService, TRequest, ServerCallContext, Task<TResponse>> invoke,
    ServiceActivator<TService> activator, GrpcServiceOptions options, ILogger logger)
    : CallHandler<TService, TRequest, TResponse>(method, activator, options, logger)
    where TService : class
    where TRequest : class
    where TResponse : class
{
    protected override async Task<Func<ValueTask>?> InvokeAsync(TService service, TRequest request, ServerCall call)
    {
        UnaryServerMethod<TRequest, TResponse> handler = (message, context) => invoke(service, message, context);
        for (var i = Options.Interceptors.Count - 1; i >= 0; i--)
        {
            var next = handler;
            var interceptor = Options.Interceptors[i].Create(call.HttpContext.RequestServices);
            handler = (message, context) => interceptor.UnaryServerHandler(message, context, next);
        }

        var response = await handler(request, call);

        // The end of the request flushes message and trailers together.
        return () => response is null
            ? throw new RpcException(new Status(StatusCode.Cancelled, "No message returned from method."))
            : WriteAsync(call, CreateWriter(call), response);
    }
}

internal sealed class ServerStreamingHandler<TService, TRequest, TResponse>(
    Method<TRequest, TResponse> method, Func<TService, TRequest, IServerStreamWriter<TResponse>, ServerCallContext, Task> invoke,
    ServiceActivator<TService> activator, GrpcServiceOptions options, ILogger logger)
    : CallHandler<TService, TRequest, TResponse>(method, activator, options, logger)
    where TService : class
    where TRequest : class
    where TResponse : class
{
    protected override async Task<Func<ValueTask>?> InvokeAsync(TService service, TRequest request, ServerCall call)
    {
        ServerStreamingServerMethod<TRequest, TResponse> handler = (message, stream, context) => invoke(service, message, stream, context);
        for (var i = Options.Interceptors.Count - 1; i >= 0; i--)
        {
            var next = handler;
            var interceptor = Options.Interceptors[i].Create(call.HttpContext.RequestServices);
            handler = (message, stream, context) => interceptor.ServerStreamingServerHandler(message, stream, context, next);
        }

        await handler(request, new ResponseStream(this, call), call);
        return null;
    }

    private sealed class ResponseStream(ServerStreamingHandler<TService, TRequest, TResponse> owner, ServerCall call) : IServerStreamWriter<TResponse>
    {
        private readonly MessageWriter _writer = owner.CreateWriter(call);

        public WriteOptions? WriteOptions
        {
            get => call.WriteOptions;
            set => call.WriteOptions = value;
        }

        public Task WriteAsync(TResponse message) => WriteAsync(message, CancellationToken.None);

        public async Task WriteAsync(TResponse message, CancellationToken cancellationToken)
        {
            ArgumentNullException.ThrowIfNull(message);
            cancellationToken.ThrowIfCancellationRequested();
            call.CancellationToken.ThrowIfCancellationRequested();
            call.BeginWrite();
            try
            {
                await owner.WriteAsync(call, _writer, message);
                if (WriteOptions?.Flags.HasFlag(WriteFlags.BufferHint) != true)
                    await call.HttpContext.Response.BodyWriter.FlushAsync(cancellationToken);
            }
            finally
            {
                call.EndWrite();
            }
        }
    }
}
