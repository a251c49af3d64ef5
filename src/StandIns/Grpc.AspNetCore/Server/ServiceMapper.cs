using System.Reflection;
using Grpc.Core;
using Grpc.Core.Wire;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Grpc.AspNetCore.Server.Internal;

/// <summary>Makes endpoints of services, found through the <see cref="BindServiceMethodAttribute"/> of their generated base class.</summary>
internal sealed class ServiceMapper(IOptions<GrpcServiceOptions> options, ILoggerFactory loggers)
{
    private readonly ILogger _logger = loggers.CreateLogger("Grpc.AspNetCore.Server.ServerCallHandler");

    private bool _unknownServiceIsMapped;

    public GrpcServiceEndpointConventionBuilder Map<TService>(IEndpointRouteBuilder routes)
        where TService : class
    {
        var merged = routes.ServiceProvider.GetRequiredService<IOptions<GrpcServiceOptions<TService>>>().Value.Over(options.Value);
        var binder = new Binder<TService>(routes, merged, _logger);
        Bind(typeof(TService), binder);

        foreach (var service in binder.ServiceNames)
            MapUnimplemented(routes, $"{service}/{{unimplementedMethod}}", "Method is unimplemented.");
        if (options.Value.IgnoreUnknownServices != true && !_unknownServiceIsMapped)
        {
            MapUnimplemented(routes, "{unimplementedService}/{unimplementedMethod}", "Service is unimplemented.");
            _unknownServiceIsMapped = true;
        }

        return new GrpcServiceEndpointConventionBuilder(binder.Endpoints);
    }

    private static void Bind(Type serviceType, ServiceBinderBase binder)
    {
        for (var type = serviceType; type is not null; type = type.BaseType)
        {
            if (type.GetCustomAttribute<BindServiceMethodAttribute>(inherit: false) is not { } attribute)
                continue;
            var bind = attribute.BindType.GetMethod(
                attribute.BindMethodName, BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static, [typeof(ServiceBinderBase), type]);
            if (bind is null)
                break;
            bind.Invoke(null, BindingFlags.DoNotWrapExceptions, binder: null, [binder, null], culture: null);
            return;
        }

        throw new InvalidOperationException($"Cannot locate BindService(ServiceBinderBase, ServiceBase) method for the current service type: {serviceType.FullName}.");
    }

    private static void MapUnimplemented(IEndpointRouteBuilder routes, string pattern, string detail) =>
        routes
            .Map(
                RoutePatternFactory.Parse(pattern, defaults: null, new { unimplementedMethod = GrpcRequestConstraint.Instance }),
                context =>
                {
                    if (GrpcRequest.Refuse(context))
                        return Task.CompletedTask;
                    context.Response.ContentType = WireFormat.ContentType;
                    GrpcRequest.SetStatus(context.Response.Headers, new Status(StatusCode.Unimplemented, detail));
                    return Task.CompletedTask;
                })
            .Add(endpoint => endpoint.DisplayName = $"gRPC - Unimplemented: {detail}");

    private sealed class Binder<TService>(IEndpointRouteBuilder routes, GrpcServiceOptions options, ILogger logger) : ServiceBinderBase
        where TService : class
    {
        private readonly ServiceActivator<TService> _activator = new();

        public List<IEndpointConventionBuilder> Endpoints { get; } = [];

        public HashSet<string> ServiceNames { get; } = [];

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler)
        {
            var (implementation, invoke) = Find<Func<TService, TRequest, ServerCallContext, Task<TResponse>>>(
                method, [typeof(TRequest), typeof(ServerCallContext)]);
            Add(method, implementation, new UnaryHandler<TService, TRequest, TResponse>(method, invoke, _activator, options, logger).HandleAsync);
        }

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler)
        {
            var (implementation, invoke) = Find<Func<TService, TRequest, IServerStreamWriter<TResponse>, ServerCallContext, Task>>(
                method, [typeof(TRequest), typeof(IServerStreamWriter<TResponse>), typeof(ServerCallContext)]);
            Add(method, implementation, new ServerStreamingHandler<TService, TRequest, TResponse>(method, invoke, _activator, options, logger).HandleAsync);
        }

        // Methods with a stream of requests get no endpoint of their own: calls of them are answered as of any unknown method.
        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler) =>
            ServiceNames.Add(method.ServiceName);

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler) =>
            ServiceNames.Add(method.ServiceName);

        private static (MethodInfo Implementation, TDelegate Invoke) Find<TDelegate>(IMethod method, Type[] parameters)
            where TDelegate : Delegate
        {
            var implementation = typeof(TService).GetMethod(method.Name, BindingFlags.Public | BindingFlags.Instance, parameters)
                ?? throw new InvalidOperationException($"Could not find '{method.Name}' on {typeof(TService)}.");
            return (implementation, implementation.CreateDelegate<TDelegate>());
        }

        private void Add(IMethod method, MethodInfo implementation, RequestDelegate handle)
        {
            ServiceNames.Add(method.ServiceName);
            var endpoints = routes.Map(RoutePatternFactory.Parse(method.FullName), handle);
            endpoints.Add(endpoint =>
            {
                endpoint.DisplayName = $"gRPC - {method.FullName}";
                endpoint.Metadata.Add(new HttpMethodMetadata([HttpMethods.Post], acceptCorsPreflight: true));
                endpoint.Metadata.Add(new GrpcMethodMetadata(typeof(TService), method));
                foreach (var attribute in typeof(TService).GetCustomAttributes(inherit: true).Concat(implementation.GetCustomAttributes(inherit: true)))
                    endpoint.Metadata.Add(attribute);
            });
            Endpoints.Add(endpoints);
        }
    }
}
