package org.apache.hadoop.hive.metastore;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import org.apache.thrift.transport.TServerSocket;
import org.apache.thrift.transport.TTransportException;

/**
 * Takes the place of the metastore's class of this name and has it listen on 127.0.0.1 alone.
 *
 * <p>Hive 2.3 binds every interface of the machine and has no setting against it: HiveMetaStore.startMetaStore opens
 * its socket with host null and hands it to the constructor of this class. See loopback.py.
 */
public class TServerSocketKeepAlive extends TServerSocket {
  public TServerSocketKeepAlive(TServerSocket everywhere) throws TTransportException {
    super(onLoopback(everywhere.getServerSocket()));
  }

  private static ServerSocket onLoopback(ServerSocket everywhere) throws TTransportException {
    try {
      int port = everywhere.getLocalPort();
      everywhere.close();
      ServerSocket narrow = new ServerSocket();
      narrow.setReuseAddress(true);
      narrow.bind(new InetSocketAddress("127.0.0.1", port));
      return narrow;
    } catch (IOException error) {
      throw new TTransportException("cannot listen on 127.0.0.1", error);
    }
  }
}
