using System.Collections.ObjectModel;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Core.Wire;
using Microsoft.Extensions.DependencyInjection;

namespace Grpc.AspNetCore.Server;

public interface IGrpcServerBuilder
{
    IServiceCollection Services { get; }
}

public class GrpcServiceOptions
{
    private int? _maxReceiveMessageSize;
    private bool _maxReceiveMessageSizeIsSet;

    /// <summary>In bytes; null, the default, for no limit.</summary>
    public int? MaxSendMessageSize { get; set; }

    /// <summary>In bytes, 4 MiB unless set; null for no limit.</summary>
    public int? MaxReceiveMessageSize
    {
        get => _maxReceiveMessageSizeIsSet ? _maxReceiveMessageSize : WireFormat.DefaultMaxReceiveMessageSize;
        set => (_maxReceiveMessageSize, _maxReceiveMessageSizeIsSet) = (value, true);
    }

    /// <summary>Whether callers see the type and text of exceptions; off unless set.</summary>
    public bool? EnableDetailedErrors { get; set; }

    /// <summary>Whether calls of services that are not mapped are left to other endpoints rather than answered as Unimplemented.</summary>
    public bool? IgnoreUnknownServices { get; set; }

    /// <summary>Run for each call, in order.</summary>
    public InterceptorCollection Interceptors { get; } = [];

    /// <summary>These options where they are set, the others elsewhere; the interceptors of the others run first.</summary>
    internal GrpcServiceOptions Over(GrpcServiceOptions others)
    {
        var merged = new GrpcServiceOptions
        {
            MaxSendMessageSize = MaxSendMessageSize ?? others.MaxSendMessageSize,
            MaxReceiveMessageSize = _maxReceiveMessageSizeIsSet ? _maxReceiveMessageSize : others.MaxReceiveMessageSize,
            EnableDetailedErrors = EnableDetailedErrors ?? others.EnableDetailedErrors,
            IgnoreUnknownServices = IgnoreUnknownServices ?? others.IgnoreUnknownServices,
        };
        foreach (var registration in others.Interceptors.Concat(Interceptors))
            merged.Interceptors.Add(registration);
        return merged;
    }
}

public class GrpcServiceOptions<TService> : GrpcServiceOptions
    where TService : class;

/// <summary>An interceptor type; an instance comes from the services of the call, or is made with them.</summary>
public class InterceptorRegistration
{
    internal InterceptorRegistration(Type type, object[] arguments)
    {
        Type = type;
        Arguments = arguments;
    }

    public Type Type { get; }

    public IReadOnlyList<object> Arguments { get; }

    internal Interceptor Create(IServiceProvider services) => (Interceptor)(
        Arguments.Count == 0 && services.GetService(Type) is { } registered
            ? registered
            : ActivatorUtilities.CreateInstance(services, Type, [.. Arguments]));
}

public class InterceptorCollection : Collection<InterceptorRegistration>
{
    public void Add<TInterceptor>(params object[] args)
        where TInterceptor : Interceptor => Add(new InterceptorRegistration(typeof(TInterceptor), args));

    public void Add(Type interceptorType, params object[] args)
    {
        ArgumentNullException.ThrowIfNull(interceptorType);
        if (!interceptorType.IsSubclassOf(typeof(Interceptor)))
            throw new ArgumentException($"Type must inherit from {typeof(Interceptor).FullName}.", nameof(interceptorType));
        Add(new InterceptorRegistration(interceptorType, args));
    }
}

/// <summary>On the endpoint of each method.</summary>
public sealed class GrpcMethodMetadata(Type serviceType, IMethod method)
{
    public Type ServiceType { get; } = serviceType;

    public IMethod Method { get; } = method;
}
